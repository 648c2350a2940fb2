-- Every object of the database that could change what the record says or who may touch it: name and definition.
-- Several lines of one name belong together. With search_path = pg_catalog, so that names are printed with schema.
-- noqa: disable=AL03
WITH spaces AS (
    SELECT
        n.oid,
        n.nspname,
        n.nspowner,
        n.nspacl
    FROM pg_namespace AS n
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'
),

roles AS (
    SELECT
        r.oid,
        CASE WHEN r.oid = owner.oid THEN '(owner)' ELSE r.rolname::text END AS name
    FROM pg_roles AS r
    LEFT JOIN (
        SELECT c.relowner AS oid FROM pg_class AS c
        WHERE c.relname = 'audit_log' AND c.relnamespace = 'public'::regnamespace
    ) AS owner ON TRUE
    UNION ALL
    SELECT
        0::oid,
        '(everybody)'
),

grants AS (
    SELECT
        'table ' || c.oid::regclass::text AS name,
        c.relowner AS owner,
        c.relacl AS acl
    FROM pg_class AS c
    WHERE c.relnamespace IN (SELECT s.oid FROM spaces AS s) AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    UNION ALL
    SELECT
        'table ' || a.attrelid::regclass::text,
        c.relowner,
        a.attacl
    FROM pg_attribute AS a INNER JOIN pg_class AS c ON a.attrelid = c.oid
    WHERE c.relnamespace IN (SELECT s.oid FROM spaces AS s) AND a.attacl IS NOT NULL
    UNION ALL
    SELECT
        'function ' || p.oid::regprocedure::text,
        p.proowner,
        coalesce(p.proacl, acldefault('f', p.proowner))
    FROM pg_proc AS p WHERE p.pronamespace IN (SELECT s.oid FROM spaces AS s)
    UNION ALL
    SELECT
        'schema ' || s.nspname,
        s.nspowner,
        s.nspacl
    FROM spaces AS s
),

-- the groups, not the logins that are in them: those are the deployment's, `recon doctor` looks at the application's
ours AS (
    SELECT r.* FROM pg_roles AS r
    WHERE r.rolname IN (
        'recon_owner', 'recon_audit_owner', 'recon_app', 'recon_reader', 'recon_auditor', 'recon_sealer'
    )
)

SELECT
    g.name,
    concat_ws('|', 'grant', grantee.name, x.privilege_type, x.is_grantable) AS definition
FROM grants AS g
CROSS JOIN LATERAL aclexplode(g.acl) AS x
INNER JOIN roles AS grantee ON x.grantee = grantee.oid
WHERE x.grantee <> g.owner
UNION ALL
SELECT
    'table ' || c.oid::regclass::text,
    concat_ws(
        '|', c.relkind, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity, c.reloptions::text, r.name,
        CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END,
        (
            SELECT concat_ws(',', q.seqstart, q.seqincrement, q.seqmax, q.seqmin, q.seqcache, q.seqcycle)
            FROM pg_sequence AS q WHERE q.seqrelid = c.oid
        ),
        (SELECT string_agg(i.inhparent::regclass::text, ',') FROM pg_inherits AS i WHERE i.inhrelid = c.oid)
    )
FROM pg_class AS c
INNER JOIN roles AS r ON c.relowner = r.oid
WHERE c.relnamespace IN (SELECT s.oid FROM spaces AS s) AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
UNION ALL
SELECT
    'table ' || c.oid::regclass::text,
    concat_ws(
        '|', 'column', a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
        a.attgenerated, pg_get_expr(d.adbin, d.adrelid)
    )
FROM pg_attribute AS a
INNER JOIN pg_class AS c ON a.attrelid = c.oid
LEFT JOIN pg_attrdef AS d ON a.attrelid = d.adrelid AND a.attnum = d.adnum
WHERE
    c.relnamespace IN (SELECT s.oid FROM spaces AS s) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
    AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT
    'constraint ' || k.conname || ' on ' || k.conrelid::regclass::text,
    pg_get_constraintdef(k.oid)
FROM pg_constraint AS k
WHERE k.connamespace IN (SELECT s.oid FROM spaces AS s) AND k.conrelid <> 0 AND k.contype <> 'n'  -- in the columns
UNION ALL
SELECT
    'index ' || i.indexrelid::regclass::text,
    concat_ws('|', pg_get_indexdef(i.indexrelid), i.indisunique, i.indisvalid, i.indimmediate)
FROM pg_index AS i INNER JOIN pg_class AS c ON i.indexrelid = c.oid
WHERE c.relnamespace IN (SELECT s.oid FROM spaces AS s)
UNION ALL
SELECT
    CASE
        WHEN t.tgisinternal THEN 'trigger of ' || coalesce(k.conname, '?') ELSE 'trigger ' || t.tgname
    END || ' on ' || t.tgrelid::regclass::text,
    concat_ws('|', t.tgenabled, t.tgfoid::regproc, CASE WHEN NOT t.tgisinternal THEN pg_get_triggerdef(t.oid) END)
FROM pg_trigger AS t
INNER JOIN pg_class AS c ON t.tgrelid = c.oid
LEFT JOIN pg_constraint AS k ON t.tgconstraint = k.oid
WHERE c.relnamespace IN (SELECT s.oid FROM spaces AS s)
UNION ALL
SELECT
    'function ' || p.oid::regprocedure::text,
    concat_ws(
        '|', p.prokind, l.lanname, p.prosecdef, p.proleakproof, p.proisstrict, p.provolatile, p.proparallel,
        p.proconfig::text, pg_get_function_result(p.oid), pg_get_function_arguments(p.oid), r.name, p.prosrc,
        pg_get_function_sqlbody(p.oid)
    )
FROM pg_proc AS p
INNER JOIN pg_language AS l ON p.prolang = l.oid
INNER JOIN roles AS r ON p.proowner = r.oid
WHERE p.pronamespace IN (SELECT s.oid FROM spaces AS s)
UNION ALL
SELECT
    'rule ' || w.rulename || ' on ' || w.ev_class::regclass::text,
    concat_ws('|', w.ev_enabled, pg_get_ruledef(w.oid))
FROM pg_rewrite AS w INNER JOIN pg_class AS c ON w.ev_class = c.oid
WHERE c.relnamespace IN (SELECT s.oid FROM spaces AS s) AND w.rulename <> '_RETURN'
UNION ALL
SELECT
    'policy ' || o.polname || ' on ' || o.polrelid::regclass::text,
    concat_ws(
        '|', o.polcmd, o.polpermissive, pg_get_expr(o.polqual, o.polrelid), 'check',
        pg_get_expr(o.polwithcheck, o.polrelid),
        (SELECT string_agg(r.name, ',' ORDER BY r.name) FROM roles AS r WHERE r.oid = any(o.polroles))
    )
FROM pg_policy AS o
UNION ALL
SELECT
    'event trigger ' || e.evtname,
    concat_ws('|', e.evtevent, e.evtenabled, e.evtfoid::regprocedure)
FROM pg_event_trigger AS e
UNION ALL
SELECT
    'schema ' || s.nspname,
    r.name
FROM spaces AS s INNER JOIN roles AS r ON s.nspowner = r.oid
UNION ALL
SELECT
    'role ' || o.rolname,
    concat_ws(
        '|', o.rolcanlogin, o.rolsuper, o.rolbypassrls, o.rolcreaterole, o.rolcreatedb, o.rolreplication,
        (
            SELECT string_agg(m.roleid::regrole::text, ',' ORDER BY m.roleid::regrole::text)
            FROM pg_auth_members AS m WHERE m.member = o.oid
        )
    )
FROM ours AS o
UNION ALL
-- a cast or an operator decides what a value looks like, in a verification too: none is added by the release
SELECT
    'cast of ' || k.castsource::regtype::text || ' as ' || k.casttarget::regtype::text,
    concat_ws('|', k.castfunc::regprocedure, k.castcontext, k.castmethod)
FROM pg_cast AS k WHERE k.oid >= 16384
UNION ALL
SELECT
    'operator ' || x.oid::regoperator::text,
    x.oprcode::regprocedure::text
FROM pg_operator AS x WHERE x.oid >= 16384
UNION ALL
-- PostgreSQL's own functions that a verification leans on are C code, and nobody has added to that schema
SELECT
    'built-in function ' || p.oid::regprocedure::text,
    l.lanname || '|' || p.prosrc
FROM pg_proc AS p INNER JOIN pg_language AS l ON p.prolang = l.oid
WHERE p.pronamespace = 'pg_catalog'::regnamespace AND (
    p.oid >= 16384
    OR (
        l.lanname <> 'internal' AND p.proname IN (
            'extract',
            'to_jsonb',
            'sha256',
            'convert_to',
            'to_json',
            'jsonb_out',
            'int8',
            'timestamptz_out',
            'numeric_out',
            'pg_get_functiondef', 'pg_get_viewdef', 'pg_get_triggerdef', 'pg_get_constraintdef', 'aclexplode'
        )
    )
)
