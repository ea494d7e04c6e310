-- A recording of ctwatch, version 3; docs/recording.md explains every table. Times are Unix time in
-- milliseconds. A NULL gauge was not measured. While a recording is made, rows are only added, but for lifetime, whose counts rise.

CREATE TABLE recording (
    version     TEXT    NOT NULL, -- of the ctwatch that wrote it
    started_ms  INTEGER NOT NULL, -- watching began
    interval_ms INTEGER NOT NULL,
    backend     TEXT    NOT NULL, -- kprobe, fentry, netlink, dump
    ended_ms    INTEGER           -- NULL: cut off
) STRICT;

CREATE TABLE degraded (
    id     INTEGER PRIMARY KEY,
    reason TEXT NOT NULL
) STRICT;

-- Columns of delta that the source does not see: they are NULL. last_state stands for all last_*, newcomers for
-- eviction.newcomer_id, events for the rows of event.
CREATE TABLE unobserved (
    counter TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE node (
    hostname TEXT    NOT NULL,
    kernel   TEXT    NOT NULL,
    cpus     INTEGER NOT NULL,
    hz       INTEGER
) STRICT;

CREATE TABLE sysctl (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE netns (
    id     INTEGER PRIMARY KEY,
    cookie INTEGER NOT NULL,
    inode  INTEGER NOT NULL,
    name   TEXT,
    own    INTEGER, -- 1: the recorder's; NULL: known from events only
    UNIQUE (cookie, inode)
) STRICT;

CREATE TABLE address (
    id        INTEGER PRIMARY KEY,
    netns_id  INTEGER NOT NULL REFERENCES netns,
    interface TEXT    NOT NULL,
    address   TEXT    NOT NULL,
    prefix    INTEGER NOT NULL
) STRICT;

CREATE TABLE control_port (
    id   INTEGER PRIMARY KEY,
    port INTEGER NOT NULL
) STRICT;

CREATE TABLE ruleset (
    id       INTEGER PRIMARY KEY,
    netns_id INTEGER NOT NULL REFERENCES netns,
    kind     TEXT    NOT NULL,
    text     TEXT    NOT NULL
) STRICT;

CREATE TABLE unread (
    id     INTEGER PRIMARY KEY,
    reason TEXT NOT NULL
) STRICT;

CREATE TABLE endpoint (
    id       INTEGER PRIMARY KEY,
    netns_id INTEGER NOT NULL REFERENCES netns,
    family   TEXT    NOT NULL, -- ipv4, ipv6
    protocol TEXT    NOT NULL, -- tcp, udp, … or the number
    role     TEXT,             -- inbound, outbound, forwarded, loopback, encapsulation; NULL: unknown
    port     INTEGER NOT NULL, -- of the service; 0 for protocols without ports
    address  TEXT              -- of the service, where it is the node's own
) STRICT;

CREATE TABLE sample (
    id                   INTEGER PRIMARY KEY,
    at_ms                INTEGER NOT NULL,
    elapsed_ms           INTEGER NOT NULL, -- since watching began
    probe_misses         INTEGER,
    unattributed         INTEGER NOT NULL,
    refused_unattributed INTEGER NOT NULL,
    refused_ctnetlink    INTEGER NOT NULL,
    cause_lost           INTEGER NOT NULL,
    cause_raced          INTEGER NOT NULL,
    unreadable           INTEGER NOT NULL,
    unpaired             INTEGER NOT NULL,
    events_lost          INTEGER,          -- NULL: a source without events
    resynced_inserted    INTEGER NOT NULL,
    resynced_ended       INTEGER NOT NULL,
    events_suppressed    INTEGER,          -- these three are lost as details only; NULL: a source without them
    ring_lost            INTEGER,
    pairs_lost           INTEGER
) STRICT;

-- What happened since the sample before; endpoints at which nothing happened have no row. NULL: see unobserved.
CREATE TABLE delta (
    sample_id          INTEGER NOT NULL REFERENCES sample,
    endpoint_id        INTEGER REFERENCES endpoint, -- NULL: counted, but under no endpoint
    inserted           INTEGER NOT NULL,
    expired            INTEGER,
    evicted            INTEGER,
    evicted_background INTEGER,
    reset              INTEGER,
    deleted            INTEGER,
    netns_gone         INTEGER NOT NULL,
    other              INTEGER NOT NULL,
    refused            INTEGER,
    insert_failed      INTEGER,
    clash_dropped      INTEGER, -- of them, what the kernel counts as drop too
    clash_merged       INTEGER,
    nat_exhausted      INTEGER, -- of clash_dropped
    chain_too_long     INTEGER, -- of insert_failed, as the next
    dying              INTEGER,
    reopened           INTEGER, -- of reset: by a SYN, in TIME_WAIT or CLOSE
    syn_ignored        INTEGER, -- SYNs that met CLOSE_WAIT, FIN_WAIT or LAST_ACK
    snat               INTEGER NOT NULL,
    dnat               INTEGER NOT NULL,
    helper             INTEGER NOT NULL,
    unreplied          INTEGER,
    assured            INTEGER,
    age_ms             INTEGER NOT NULL,
    last_none          INTEGER, -- TCP entries that ended, by their last state
    last_syn_sent      INTEGER,
    last_syn_recv      INTEGER,
    last_established   INTEGER,
    last_fin_wait      INTEGER,
    last_close_wait    INTEGER,
    last_last_ack      INTEGER,
    last_time_wait     INTEGER,
    last_close         INTEGER,
    last_syn_sent2     INTEGER
) STRICT;

-- Entries evicted since the sample before, by whose they were and for whom.
CREATE TABLE eviction (
    sample_id   INTEGER NOT NULL REFERENCES sample,
    victim_id   INTEGER NOT NULL REFERENCES endpoint,
    newcomer_id INTEGER REFERENCES endpoint, -- NULL: not told
    evicted     INTEGER NOT NULL
) STRICT;

-- A bounded sample of connections refused and entries evicted; delta counts all of them.
CREATE TABLE event (
    id                     INTEGER PRIMARY KEY,
    at_ns                  INTEGER NOT NULL, -- Unix time in nanoseconds
    reason                 TEXT    NOT NULL,
    cpu                    INTEGER NOT NULL,
    endpoint_id            INTEGER NOT NULL REFERENCES endpoint,
    zone                   INTEGER,
    source                 TEXT    NOT NULL, -- original direction of the refused connection or evicted entry
    source_port            INTEGER NOT NULL,
    destination            TEXT    NOT NULL,
    destination_port       INTEGER NOT NULL,
    victim_state           TEXT,             -- of an evicted entry; NULL for protocols without states
    victim_status          INTEGER,          -- NULL: nothing was evicted
    victim_age_ms          INTEGER,
    victim_left_ms         INTEGER,
    other_endpoint_id      INTEGER REFERENCES endpoint, -- the newcomer, or whoever had come before; NULL: not told
    other_source           TEXT,
    other_source_port      INTEGER,
    other_destination      TEXT,
    other_destination_port INTEGER
) STRICT;

-- When nothing was watched.
CREATE TABLE gap (
    id      INTEGER PRIMARY KEY,
    from_ms INTEGER NOT NULL,
    to_ms   INTEGER NOT NULL,
    reason  TEXT    NOT NULL
) STRICT;

-- The kernel's figures of a namespace, one row whenever one of them changed.
CREATE TABLE netns_table (
    sample_id     INTEGER NOT NULL REFERENCES sample,
    netns_id      INTEGER NOT NULL REFERENCES netns,
    visible       INTEGER NOT NULL, -- 0: no longer seen from this sample on
    count         INTEGER,
    max           INTEGER,
    buckets       INTEGER,
    found         INTEGER, -- this and the rest: /proc/net/stat/nf_conntrack, since the namespace was made
    invalid       INTEGER,
    "insert"      INTEGER,
    insert_failed INTEGER,
    "drop"        INTEGER,
    early_drop    INTEGER,
    clash_resolve INTEGER,
    chaintoolong  INTEGER
) STRICT;

CREATE TABLE dump (
    id               INTEGER PRIMARY KEY,
    netns_id         INTEGER NOT NULL REFERENCES netns,
    at_ms            INTEGER NOT NULL,
    took_ms          INTEGER NOT NULL,
    kind             TEXT    NOT NULL, -- baseline, periodic, final
    entries          INTEGER NOT NULL,
    distinct_clients INTEGER NOT NULL
) STRICT;

CREATE TABLE dump_endpoint (
    id          INTEGER PRIMARY KEY,
    dump_id     INTEGER NOT NULL REFERENCES dump,
    endpoint_id INTEGER NOT NULL REFERENCES endpoint,
    entries     INTEGER NOT NULL,
    clients     INTEGER NOT NULL, -- distinct source addresses
    unreplied   INTEGER NOT NULL
) STRICT;

CREATE TABLE dump_state (
    dump_endpoint_id INTEGER NOT NULL REFERENCES dump_endpoint,
    state            TEXT    NOT NULL,
    entries          INTEGER NOT NULL
) STRICT;

CREATE TABLE dump_finding (
    dump_endpoint_id INTEGER NOT NULL REFERENCES dump_endpoint,
    finding          TEXT    NOT NULL,
    entries          INTEGER NOT NULL,
    example          TEXT    NOT NULL
) STRICT;

CREATE TABLE dump_client (
    dump_id   INTEGER NOT NULL REFERENCES dump,
    address   TEXT    NOT NULL,
    entries   INTEGER NOT NULL,
    unreplied INTEGER NOT NULL,
    endpoints INTEGER NOT NULL
) STRICT;

-- How much time entries have left, of each namespace's last dump alone.
CREATE TABLE dump_left (
    dump_id  INTEGER NOT NULL REFERENCES dump,
    protocol TEXT    NOT NULL, -- tcp, udp, … or the number
    state    TEXT    NOT NULL, -- UNREPLIED, REPLIED, ASSURED for protocols without
    seconds  INTEGER NOT NULL, -- above 600 in whole minutes, rounded up
    entries  INTEGER NOT NULL
) STRICT;

-- Where translated destinations lead, of each namespace's last dump alone, at most 1,000 pairs.
CREATE TABLE dump_translated (
    dump_id      INTEGER NOT NULL REFERENCES dump,
    protocol     TEXT    NOT NULL,
    service      TEXT    NOT NULL, -- what clients speak to
    service_port INTEGER NOT NULL,
    backend      TEXT    NOT NULL, -- who answers
    backend_port INTEGER NOT NULL,
    entries      INTEGER NOT NULL
) STRICT;

-- Lifetimes of one entry in sixteen of the busier endpoints, since the recording began.
CREATE TABLE lifetime (
    endpoint_id INTEGER NOT NULL REFERENCES endpoint,
    below_ms    INTEGER NOT NULL, -- lived less than this, and at least half of it
    sampled     INTEGER NOT NULL, -- entries
    PRIMARY KEY (endpoint_id, below_ms)
) STRICT, WITHOUT ROWID;

-- The books, written when a recording ends in order; *_kernel is by how much the kernel's own counters grew.
CREATE TABLE ledger_netns (
    netns_id             INTEGER NOT NULL REFERENCES netns,
    inserted             INTEGER NOT NULL,
    ended                INTEGER NOT NULL,
    count_change         INTEGER,
    refused              INTEGER,
    evicted              INTEGER,
    insert_failed        INTEGER,
    clash_dropped        INTEGER, -- of insert_failed
    nat_exhausted        INTEGER, -- of clash_dropped
    chain_too_long       INTEGER, -- of insert_failed, as the next
    dying                INTEGER,
    clash_merged         INTEGER,
    drop_kernel          INTEGER,
    early_drop_kernel    INTEGER,
    insert_failed_kernel INTEGER,
    chaintoolong_kernel  INTEGER,
    clash_resolve_kernel INTEGER
) STRICT;

CREATE TABLE ledger_losses (
    probe_misses         INTEGER,
    unattributed         INTEGER NOT NULL,
    refused_unattributed INTEGER NOT NULL,
    refused_ctnetlink    INTEGER NOT NULL,
    cause_lost           INTEGER NOT NULL,
    cause_raced          INTEGER NOT NULL,
    unreadable           INTEGER NOT NULL,
    unpaired             INTEGER NOT NULL,
    events_lost          INTEGER,          -- NULL: a source without events
    resynced_inserted    INTEGER NOT NULL,
    resynced_ended       INTEGER NOT NULL,
    events_suppressed    INTEGER,
    ring_lost            INTEGER,
    pairs_lost           INTEGER
) STRICT;

CREATE VIEW fill AS
SELECT s.id AS sample_id,
       strftime('%Y-%m-%dT%H:%M:%fZ', s.at_ms / 1000.0, 'unixepoch') AS time,
       n.inode AS netns,
       n.name,
       t.count,
       t.max,
       round(1.0 * t.count / nullif(t.max, 0), 4) AS fill
FROM netns_table t
JOIN sample s ON s.id = t.sample_id
JOIN netns n ON n.id = t.netns_id
WHERE t.visible
ORDER BY s.id, n.id;

CREATE VIEW endpoint_total AS
SELECT n.inode AS netns,
       e.family,
       e.protocol,
       e.role,
       e.port,
       e.address,
       d.*
FROM (
    SELECT endpoint_id,
           sum(inserted) AS inserted,
           sum(coalesce(expired, 0) + coalesce(evicted, 0) + coalesce(evicted_background, 0) + coalesce(reset, 0)
               + coalesce(deleted, 0) + netns_gone + other) AS ended,
           sum(refused) AS refused,
           sum(evicted) AS evicted,
           sum(evicted_background) AS evicted_background,
           sum(insert_failed) AS insert_failed,
           sum(clash_merged) AS clash_merged,
           sum(reopened) AS reopened,
           sum(syn_ignored) AS syn_ignored,
           sum(snat) AS snat,
           sum(dnat) AS dnat
    FROM delta
    GROUP BY endpoint_id
) d
LEFT JOIN endpoint e ON e.id = d.endpoint_id
LEFT JOIN netns n ON n.id = e.netns_id;

-- Who was evicted for whom, over the whole recording.
CREATE VIEW eviction_total AS
SELECT n.inode AS netns,
       v.protocol AS victim_protocol,
       v.port AS victim_port,
       e.protocol AS newcomer_protocol,
       e.port AS newcomer_port,
       sum(x.evicted) AS evicted
FROM eviction x
JOIN endpoint v ON v.id = x.victim_id
JOIN netns n ON n.id = v.netns_id
LEFT JOIN endpoint e ON e.id = x.newcomer_id
GROUP BY n.id, v.protocol, v.port, e.protocol, e.port
ORDER BY evicted DESC;

CREATE VIEW state_last AS
SELECT strftime('%Y-%m-%dT%H:%M:%fZ', d.at_ms / 1000.0, 'unixepoch') AS time,
       n.inode AS netns,
       e.protocol,
       e.port,
       s.state,
       sum(s.entries) AS entries
FROM dump d
JOIN netns n ON n.id = d.netns_id
JOIN dump_endpoint de ON de.dump_id = d.id
JOIN endpoint e ON e.id = de.endpoint_id
JOIN dump_state s ON s.dump_endpoint_id = de.id
WHERE d.id = (SELECT max(id) FROM dump l WHERE l.netns_id = d.netns_id)
GROUP BY d.id, e.protocol, e.port, s.state
ORDER BY entries DESC;
