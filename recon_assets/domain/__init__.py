"""The words and the rules of reconciliation. Standard library only; imports nothing else of ours."""
