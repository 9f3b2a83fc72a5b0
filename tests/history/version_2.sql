PRAGMA application_id = 1869373813;
PRAGMA user_version = 2;
BEGIN TRANSACTION;
CREATE TABLE details (
    number INTEGER PRIMARY KEY,
    subject INTEGER NOT NULL REFERENCES subjects ON DELETE CASCADE,
    run INTEGER NOT NULL,
    severity TEXT NOT NULL,
    expected TEXT NOT NULL,
    observed TEXT NOT NULL,
    message TEXT NOT NULL,
    fix TEXT,
    source TEXT NOT NULL,
    waiver TEXT,
    UNIQUE (subject, run)
);
INSERT INTO "details" VALUES(1,4,1,'warning','free','0777','expected free, observed 0777','rm','expected/hosts/x.yaml:1',NULL);
INSERT INTO "details" VALUES(2,2,2,'warning','free','full','expected free, observed full','rm','expected/hosts/x.yaml:1',NULL);
INSERT INTO "details" VALUES(3,5,2,'warning','free','full','expected free, observed full','rm','expected/hosts/x.yaml:1',NULL);
INSERT INTO "details" VALUES(4,2,3,'warning','free','timeout','expected free, observed timeout',NULL,'expected/hosts/x.yaml:1',NULL);
INSERT INTO "details" VALUES(5,3,3,'warning','free','full','expected free, observed full',NULL,'expected/hosts/x.yaml:1',NULL);
INSERT INTO "details" VALUES(6,2,4,'warning','free','full','expected free, observed full','rm','expected/hosts/x.yaml:1',NULL);
INSERT INTO "details" VALUES(7,2,5,'warning','free','full','expected free, observed full',NULL,'expected/hosts/x.yaml:1','{"name": "a disk", "owner": "Ann", "reason": "a larger disk is ordered", "ticket": "T-1", "expires": "2026-12-01", "source": "expected/waivers.yaml:2"}');
CREATE TABLE failures (
    run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    host TEXT NOT NULL,
    reason TEXT NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (run, host)
) WITHOUT ROWID;
INSERT INTO "failures" VALUES(3,'ol-b','timeout','ol-b: timeout');
INSERT INTO "failures" VALUES(4,'ol-b','timeout','ol-b: timeout');
CREATE TABLE lives (
    subject INTEGER NOT NULL REFERENCES subjects,
    first_run INTEGER NOT NULL,
    ended_run INTEGER,
    first_seen TEXT NOT NULL,
    last_seen TEXT NOT NULL,
    verdict TEXT NOT NULL,
    detail INTEGER NOT NULL REFERENCES details,
    ended TEXT,
    ending TEXT
);
INSERT INTO "lives" VALUES(4,1,5,'2026-11-01T03:00:00Z','2026-11-02T03:00:00Z','drift',1,'2026-11-05T03:00:00Z','no longer judged');
INSERT INTO "lives" VALUES(5,2,4,'2026-11-02T03:00:00Z','2026-11-03T03:00:00Z','drift',3,'2026-11-04T03:00:00Z','mended');
INSERT INTO "lives" VALUES(2,2,NULL,'2026-11-02T03:00:00Z','2026-11-05T03:00:00Z','waived',7,NULL,NULL);
CREATE TABLE notes (
    name TEXT PRIMARY KEY,
    text TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO "notes" VALUES('spoken','2026-11-05T03:00:00Z');
CREATE TABLE recordings (
    run INTEGER PRIMARY KEY REFERENCES runs ON DELETE CASCADE,
    text BLOB NOT NULL
);
INSERT INTO "recordings" VALUES(1,X'789C4BCC2B2E4F2D2A56C84F53282ACD5330040034F205BF');
INSERT INTO "recordings" VALUES(2,X'789C4BCC2B2E4F2D2A56C84F53282ACD5330020034F305C0');
INSERT INTO "recordings" VALUES(3,X'789C4BCC2B2E4F2D2A56C84F53282ACD5330060034F405C1');
INSERT INTO "recordings" VALUES(4,X'789C4BCC2B2E4F2D2A56C84F53282ACD5330010034F505C2');
INSERT INTO "recordings" VALUES(5,X'789C4BCC2B2E4F2D2A56C84F53282ACD5330050034F605C3');
CREATE TABLE runs (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    started_at TEXT NOT NULL,
    finished_at TEXT NOT NULL,
    duration_seconds REAL NOT NULL,
    olaudit_version TEXT NOT NULL,
    expected_revision TEXT NOT NULL,
    complete INTEGER NOT NULL,
    hosts INTEGER NOT NULL,
    unreachable INTEGER NOT NULL,
    ok INTEGER NOT NULL,
    drift INTEGER NOT NULL,
    unknown INTEGER NOT NULL,
    waived INTEGER NOT NULL,
    appeared INTEGER NOT NULL,
    went INTEGER NOT NULL
);
INSERT INTO "runs" VALUES(1,'20261101T030000Z-0001','2026-11-01T03:00:00Z','2026-11-01T03:00:00Z',1.5,'0.1.0','abc',1,2,0,3,1,0,0,1,0);
INSERT INTO "runs" VALUES(2,'20261102T030000Z-0002','2026-11-02T03:00:00Z','2026-11-02T03:00:00Z',1.5,'0.1.0','abc',1,2,0,2,3,0,0,2,0);
INSERT INTO "runs" VALUES(3,'20261103T030000Z-0003','2026-11-03T03:00:00Z','2026-11-03T03:00:00Z',1.5,'0.1.0','abc',1,2,1,1,1,2,0,0,0);
INSERT INTO "runs" VALUES(4,'20261104T030000Z-0004','2026-11-04T03:00:00Z','2026-11-04T03:00:00Z',1.5,'0.1.0','abc',1,2,1,2,1,1,0,0,1);
INSERT INTO "runs" VALUES(5,'20261105T030000Z-0005','2026-11-05T03:00:00Z','2026-11-05T03:00:00Z',1.5,'0.1.0','abc',1,2,0,2,0,0,1,0,2);
CREATE TABLE spells (
    subject INTEGER NOT NULL REFERENCES subjects ON DELETE CASCADE,
    first_run INTEGER NOT NULL,
    last_run INTEGER NOT NULL,
    verdict TEXT NOT NULL,
    PRIMARY KEY (subject, first_run)
) WITHOUT ROWID;
INSERT INTO "spells" VALUES(1,1,5,'ok');
INSERT INTO "spells" VALUES(2,1,1,'ok');
INSERT INTO "spells" VALUES(2,2,2,'drift');
INSERT INTO "spells" VALUES(2,3,3,'unknown');
INSERT INTO "spells" VALUES(2,4,4,'drift');
INSERT INTO "spells" VALUES(2,5,5,'waived');
INSERT INTO "spells" VALUES(3,1,2,'ok');
INSERT INTO "spells" VALUES(3,3,4,'unknown');
INSERT INTO "spells" VALUES(3,5,5,'ok');
INSERT INTO "spells" VALUES(4,1,2,'drift');
INSERT INTO "spells" VALUES(5,2,3,'drift');
INSERT INTO "spells" VALUES(5,4,4,'ok');
CREATE TABLE subjects (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    host TEXT NOT NULL,
    check_id TEXT NOT NULL,
    subject TEXT NOT NULL
);
INSERT INTO "subjects" VALUES(1,'8220b352569f','ol-a','host.reachable','host');
INSERT INTO "subjects" VALUES(2,'6a21e0e8a4bc','ol-a','disk.free','/x');
INSERT INTO "subjects" VALUES(3,'5b858e7cbce3','ol-b','host.reachable','host');
INSERT INTO "subjects" VALUES(4,'703ddaad46e1','ol-b','path.mode','/opt/olsystem');
INSERT INTO "subjects" VALUES(5,'2502c24f86fb','ol-a','path.mode','/x');
CREATE TABLE unknowns (
    subject INTEGER PRIMARY KEY REFERENCES subjects,
    since TEXT NOT NULL
);
CREATE INDEX subjects_of_host ON subjects (host);
CREATE INDEX lives_of_subject ON lives (subject);
CREATE UNIQUE INDEX one_open_life ON lives (subject) WHERE ended IS NULL;
CREATE INDEX lives_of_detail ON lives (detail);
COMMIT;
