"""Local stand-ins of a processor's API and of our ledger's, for the demo and the tests. Nothing else imports this.

`scenarios` says what each day shows, `data` makes the records, `paypal` serves them as PayPal does, `faults` is what
goes wrong on purpose, `app` and `server` serve it. Run it alone with `python -m recon_assets.sandbox --port 8765`.
"""
