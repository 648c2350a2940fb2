-- The record: runs, their proofs and discrepancies, check outcomes, health, configuration.
-- Money is integer minor units of a currency; `numeric` amounts are computed from them, never entered.

-- 1995 with exponent 2 is 19.95, exactly: a product of numerics, no division.
CREATE FUNCTION amount_from_minor(minor numeric, exponent smallint) RETURNS numeric
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN round(minor * (10::numeric ^ (-exponent)::numeric), exponent);

CREATE TABLE reconciliation_runs (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    processor_name text NOT NULL CHECK (processor_name ~ '^[a-z0-9_]{1,50}$'),
    run_date date NOT NULL,
    version integer NOT NULL CHECK (version > 0),
    status text NOT NULL CHECK (status IN ('running', 'completed', 'incomplete', 'failed', 'aborted')),
    verdict text CHECK (
        verdict IN (
            'incomplete', 'discrepancies', 'reconciled_with_warnings', 'reconciled_with_pending', 'reconciled'
        )
    ),
    is_current boolean NOT NULL DEFAULT FALSE,
    idempotency_key text NOT NULL CHECK (length(idempotency_key) BETWEEN 1 AND 500),
    dagster_run_id text,
    start_time timestamptz NOT NULL,
    end_time timestamptz,
    failed_stage text,
    failure_reason text,
    processor_transactions bigint CHECK (processor_transactions >= 0),
    internal_transactions bigint CHECK (internal_transactions >= 0),
    matched_count bigint CHECK (matched_count >= 0),
    discrepancy_count bigint CHECK (discrepancy_count >= 0),
    missing_transaction_count bigint CHECK (missing_transaction_count >= 0),
    currency char(3) CHECK (currency ~ '^[A-Z]{3}$'),
    total_volume_processed numeric CHECK (total_volume_processed >= 0 AND total_volume_processed < 'Infinity'),
    total_discrepancy_amount numeric CHECK (total_discrepancy_amount >= 0 AND total_discrepancy_amount < 'Infinity'),
    discrepancy_rate numeric CHECK (discrepancy_rate >= 0 AND discrepancy_rate < 'Infinity'),
    value_at_risk_rate numeric CHECK (value_at_risk_rate >= 0 AND value_at_risk_rate < 'Infinity'),
    risk_level text CHECK (risk_level IN ('LOW', 'MEDIUM', 'HIGH')),
    compliance_status text CHECK (compliance_status IN ('COMPLIANT', 'NEEDS_REVIEW')),
    incomplete_reasons jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(incomplete_reasons) = 'array'),
    input_fingerprint text,
    metadata jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
    superseded_by uuid REFERENCES reconciliation_runs (id) DEFERRABLE INITIALLY DEFERRED,
    superseded_at timestamptz,
    CONSTRAINT versions_are_unique UNIQUE (processor_name, run_date, version),
    CONSTRAINT ends_after_start CHECK (end_time >= start_time),
    CONSTRAINT running_has_no_end CHECK ((status = 'running') = (end_time IS NULL)),
    CONSTRAINT ended_well_has_everything CHECK (
        (status IN ('completed', 'incomplete')) = (
            num_nonnulls(
                verdict, processor_transactions, internal_transactions, matched_count, discrepancy_count,
                missing_transaction_count, risk_level, compliance_status
            ) = 8
        )
    ),
    CONSTRAINT without_an_answer_there_are_no_figures CHECK (
        status IN ('completed', 'incomplete')
        OR num_nonnulls(
            verdict, processor_transactions, internal_transactions, matched_count, discrepancy_count,
            missing_transaction_count, currency, total_volume_processed, total_discrepancy_amount,
            discrepancy_rate, value_at_risk_rate, risk_level, compliance_status
        ) = 0
    ),
    CONSTRAINT failure_has_a_reason CHECK ((status IN ('failed', 'aborted')) = (failure_reason IS NOT NULL)),
    CONSTRAINT status_says_incomplete CHECK ((status = 'incomplete') = (coalesce(verdict, '') = 'incomplete')),
    CONSTRAINT incomplete_has_reasons CHECK (
        (coalesce(verdict, '') = 'incomplete') = (jsonb_array_length(incomplete_reasons) > 0)
    ),
    CONSTRAINT incomplete_is_not_compliant CHECK (verdict <> 'incomplete' OR compliance_status = 'NEEDS_REVIEW'),
    CONSTRAINT reconciled_has_no_discrepancies CHECK (
        verdict IN ('incomplete', 'discrepancies') OR coalesce(discrepancy_count, 0) = 0
    ),
    CONSTRAINT totals_have_a_currency CHECK (
        (currency IS NULL) = (total_volume_processed IS NULL)
        AND (currency IS NULL) = (total_discrepancy_amount IS NULL)
    ),
    CONSTRAINT current_has_an_answer CHECK (
        NOT is_current OR (status IN ('completed', 'incomplete') AND superseded_by IS NULL)
    ),
    CONSTRAINT superseded_by_and_when CHECK ((superseded_by IS NULL) = (superseded_at IS NULL))
);

CREATE UNIQUE INDEX one_current_run ON reconciliation_runs (processor_name, run_date) WHERE is_current;
-- a key is spent by a live or successful attempt only: after a failure the same key may try again
CREATE UNIQUE INDEX one_live_key ON reconciliation_runs (idempotency_key)
WHERE status IN ('running', 'completed', 'incomplete');
CREATE INDEX runs_by_start ON reconciliation_runs (start_time DESC)
INCLUDE (run_date, processor_name, missing_transaction_count, total_discrepancy_amount, status);
CREATE INDEX runs_by_key ON reconciliation_runs (idempotency_key);

CREATE TABLE reconciliation_proofs (
    run_id uuid NOT NULL REFERENCES reconciliation_runs (id),
    currency char(3) NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    exponent smallint NOT NULL CHECK (exponent BETWEEN 0 AND 4),
    processor_transactions bigint NOT NULL CHECK (processor_transactions >= 0),
    ledger_entries bigint NOT NULL CHECK (ledger_entries >= 0),
    processor_total_minor numeric(38, 0) NOT NULL,
    ledger_total_minor numeric(38, 0) NOT NULL,
    signed_discrepancies_minor numeric(38, 0) NOT NULL,
    residual_minor numeric(38, 0) NOT NULL
    GENERATED ALWAYS AS (processor_total_minor - ledger_total_minor - signed_discrepancies_minor) STORED,
    discrepancy_count bigint NOT NULL CHECK (discrepancy_count >= 0),
    discrepancy_amount_minor numeric(38, 0) NOT NULL CHECK (discrepancy_amount_minor >= 0),
    volume_minor numeric(38, 0) NOT NULL CHECK (volume_minor >= 0),
    PRIMARY KEY (run_id, currency)
);

CREATE TABLE discrepancies (
    id uuid PRIMARY KEY,
    run_id uuid NOT NULL REFERENCES reconciliation_runs (id),
    discrepancy_id uuid NOT NULL,
    processor_name text NOT NULL,
    business_date date NOT NULL,
    class text NOT NULL CHECK (
        class IN (
            'missing_in_ledger', 'missing_at_processor', 'amount_mismatch', 'currency_mismatch', 'status_mismatch',
            'duplicate_at_processor', 'duplicate_in_ledger'
        )
    ),
    outcome text NOT NULL CHECK (outcome IN ('ok', 'pending', 'discrepancy')),
    priority smallint NOT NULL CHECK (priority BETWEEN 1 AND 4),
    side text NOT NULL CHECK (side IN ('processor', 'ledger')),
    transaction_id text,
    occurrence integer NOT NULL,
    currency char(3) NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    exponent smallint NOT NULL CHECK (exponent BETWEEN 0 AND 4),
    amount_minor bigint NOT NULL,
    amount numeric NOT NULL GENERATED ALWAYS AS (amount_from_minor(amount_minor::numeric, exponent)) STORED,
    processor_amount_minor bigint,
    processor_currency char(3),
    processor_status text,
    processor_seq bigint,
    processor_raw_file text,
    processor_record_number bigint,
    ledger_amount_minor bigint,
    ledger_currency char(3),
    ledger_status text,
    ledger_seq bigint,
    ledger_raw_file text,
    ledger_record_number bigint,
    merchant_id text,
    reference_number text,
    fee_minor bigint,
    fee numeric GENERATED ALWAYS AS (amount_from_minor(fee_minor::numeric, exponent)) STORED,
    status text,
    occurred_at timestamptz,
    CONSTRAINT has_a_record CHECK (processor_seq IS NOT NULL OR ledger_seq IS NOT NULL)
);

CREATE INDEX discrepancies_of_run ON discrepancies (run_id, class, transaction_id);
CREATE INDEX life_of_a_discrepancy ON discrepancies (discrepancy_id);

CREATE TABLE data_quality_checks (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    dagster_run_id text NOT NULL,
    run_id uuid REFERENCES reconciliation_runs (id),
    asset_key text NOT NULL,
    processor_name text NOT NULL,
    business_date date NOT NULL,
    check_name text NOT NULL,
    passed boolean NOT NULL,
    severity text NOT NULL CHECK (severity IN ('WARN', 'ERROR')),
    description text NOT NULL,
    rows_checked bigint NOT NULL CHECK (rows_checked >= 0),
    failed_rows bigint NOT NULL CHECK (failed_rows >= 0),
    failed_rules jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(failed_rules) = 'object'),
    facts jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(facts) = 'object'),
    checked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT one_outcome_per_check UNIQUE (dagster_run_id, asset_key, business_date, check_name)
);

CREATE INDEX checks_of_day ON data_quality_checks (processor_name, business_date);
CREATE INDEX checks_of_run ON data_quality_checks (run_id);

CREATE TABLE system_health (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    component text NOT NULL CHECK (length(component) BETWEEN 1 AND 100),
    status text NOT NULL CHECK (status IN ('healthy', 'degraded', 'down')),
    check_time timestamptz NOT NULL DEFAULT clock_timestamp(),
    latency_ms numeric CHECK (latency_ms >= 0 AND latency_ms < 'Infinity'),
    reason text,
    details jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(details) = 'object'),
    CONSTRAINT trouble_has_a_reason CHECK (status = 'healthy' OR reason IS NOT NULL)
);

CREATE INDEX health_of_component ON system_health (component, check_time DESC);

CREATE TABLE system_configuration (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    key text NOT NULL UNIQUE CHECK (length(key) BETWEEN 1 AND 200),
    value jsonb NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_by text NOT NULL DEFAULT session_user
);
