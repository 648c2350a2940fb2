-- For spreadsheets: a text that would be taken for a formula gets an apostrophe. It may hide behind blanks, and where
-- full-width signs are typed they start a formula too. Numbers are not touched, negative ones neither.
CREATE TEMPORARY MACRO harmless(text) AS
CASE
    WHEN regexp_matches(text, '^[\s\x0b\x1c-\x1f\x{85}\p{Z}\x{FEFF}]*[=+\-@\t\r＝＋－＠]') THEN '''' || text
    ELSE text
END;

CREATE TEMPORARY VIEW spreadsheet_rows AS
SELECT
    * REPLACE (
        harmless(transaction_id) AS transaction_id,
        harmless(merchant_id) AS merchant_id,
        harmless(reference_number) AS reference_number,
        harmless(processor_raw_file) AS processor_raw_file,
        harmless(ledger_raw_file) AS ledger_raw_file,
        harmless(pass) AS pass
    )
FROM report_rows;
