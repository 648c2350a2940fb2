"""The day's answer for people, as JSON and CSV. Amounts are exact decimals, made from minor units as text."""
