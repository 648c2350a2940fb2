"""`recon verify`: an archived day proven from its folder alone, and performed again from its raw bytes."""
