"""Dagster: resources, IO managers and storage. What is not Dagster's is in the packages that these lean on."""
