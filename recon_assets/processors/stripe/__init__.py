"""Stripe's balance transactions: `kind: stripe_api`.

`feed` is the configuration, `api` the requests and what a refusal means, `paging` the cursor and what does not add up,
`adapter` joins them, `records` says what a balance transaction means, `movements` and `currencies` are Stripe's own
lists. What a payout, a charge or a refund is in detail is not asked: a balance transaction has it all, but for the
metadata of its source, which is expanded where the configuration names keys of it.
"""
