"""Square's payments, refunds, payouts and entries of payouts: `kind: square_api`.

`feed` is the configuration, `api` the requests and what a refusal means, `day` the lists of one business day, `paging`
the cursor and what does not add up, `payouts` the entries against their payout, `adapter` joins them. `documents` are
the fields that are read; `records` brings them in order; `sales` says what a payment and a refund mean, `settlement`
and `entry_types` what a payout and an entry do, `columns` what they share.
"""
