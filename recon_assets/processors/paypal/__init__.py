"""PayPal: `api_feed` asks Transaction Search, `settlement_feed` reads the settlement reports (STL).

What belongs here: PayPal's documents and what they mean. `session` has the token, `windows` the paging and its
limits, `documents` the JSON, `settlement_report` the rows of an STL file and `settlement_totals` its footers. `entries`
and `event_codes` are what both feeds share: a movement, and its kind. The activity CSV is described in YAML.
"""
