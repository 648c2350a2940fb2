"""Speed, measured by hand and not by the tests: `make benchmark`. Figures are ratios, or held against a limit."""
