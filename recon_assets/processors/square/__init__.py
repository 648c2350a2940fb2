"""Square's payments and refunds: `kind: square_api`.

`feed` is the configuration, `api` the requests and what a refusal means, `paging` the lists of one day and what does
not add up, `adapter` joins them, `records` says what a payment and a refund mean. Payouts and their entries are not
asked for.
"""
