"""The day's answer for people, as HTML, XLSX, CSV and JSON. Amounts are exact: minor units made text."""
