-- Both sides joined by the key of the first step: which records are clean, that is "once on each side, same amount,
-- same currency, same status, same fee where fees are compared, and nothing to say about it".
--
-- The others are the ledger's entries; later, where it is asked what was restated, what the processor said before.
-- Every record is in some row, with each of the other side that has its key, or alone. `agreement` is currency and
-- status packed in one; a transaction that is worth a row although it matches has a bit beyond all codes, so that
-- nothing agrees with it. Where a key is there many times on both sides this would be each with each: with more rows
-- than `most_pairs` it ends, and the keys are found by `1_unclean_keys` instead.
CREATE OR REPLACE TEMPORARY TABLE joined_keys AS
SELECT
    t.seq AS own_seq,
    o.seq AS other_seq,
    coalesce(
        t.agreement = o.agreement AND t.amount_minor = o.amount_minor AND t.fee_minor = o.fee_minor, FALSE
    ) AS agrees
FROM compared_transactions AS t
FULL OUTER JOIN compared_others AS o ON t.key = o.key
-- whichever rows there are when it ends, they are not used
LIMIT (SELECT most_pairs FROM frame_sizes);  -- noqa: AM09
