internal import GRDB
internal import Rollout

/// The tables of a run file. Anyone may query them; the comments stay in the file (`sqlite3 run.sqlite .schema`).
///
/// A published migration is never edited; a change is a new migration at the end.
enum RunSchema {
  /// `PRAGMA application_id` of every run file: "Soph".
  static let applicationID: Int32 = 0x536F_7068

  static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1 ledger and telemetry") { db in
      try db.execute(sql: "PRAGMA application_id = \(applicationID)")
      try db.execute(sql: ledger)
      try db.execute(sql: telemetry)
      for state in UnitState.allCases {
        try db.execute(sql: "INSERT INTO state_counts (state, units) VALUES (?, 0)", arguments: [state.rawValue])
      }
    }
    migrator.registerMigration("2 several leases of a unit") { db in try db.execute(sql: leases) }
    return migrator
  }

  private static let leases = """
    ALTER TABLE leases ADD COLUMN generated_at REAL;
    -- What a unit is out on: one lease, or two while a straggler is hedged.
    CREATE INDEX open_leases ON leases (position) WHERE ended_at IS NULL;
    ALTER TABLE units DROP COLUMN lease_incarnation;
    ALTER TABLE units DROP COLUMN lease_number;
    """

  private static let ledger = """
    -- Times named "at" or "..._at" are seconds since 1970 on the wall clock: datetime(at, 'unixepoch').
    CREATE TABLE incarnations (
      incarnation INTEGER PRIMARY KEY,  -- each start of the learner; they only grow
      began_at REAL NOT NULL
    );
    CREATE TABLE units (                -- one prompt of one epoch, trained at most once
      position INTEGER PRIMARY KEY,     -- in the schedule, from 0, without gaps
      epoch INTEGER NOT NULL,
      prompt INTEGER NOT NULL,          -- row of the training data
      step INTEGER NOT NULL,            -- training step the unit was issued for, from 1
      state TEXT NOT NULL CHECK (state IN
        ('queued', 'leased', 'generated', 'scored', 'admitted', 'trained', 'dead-lettered')),
      attempts INTEGER NOT NULL DEFAULT 0,
      lease_incarnation INTEGER,        -- the lease that counts while leased or generated
      lease_number INTEGER,
      trained_step INTEGER,             -- where its group was last trained; kept when that step is taken back,
      trained_order INTEGER,            -- so that the group is trained in the same order again
      reason TEXT,                      -- why it was dead-lettered
      UNIQUE (epoch, prompt)
    );
    CREATE TABLE state_counts (         -- kept with every transaction; their sum is the number of units
      state TEXT PRIMARY KEY,
      units INTEGER NOT NULL CHECK (units >= 0)
    ) WITHOUT ROWID;
    CREATE TABLE leases (               -- every issue of a unit to a worker
      incarnation INTEGER NOT NULL,
      number INTEGER NOT NULL,
      position INTEGER NOT NULL REFERENCES units,
      attempt INTEGER NOT NULL,
      worker TEXT NOT NULL,
      version INTEGER NOT NULL,         -- policy version to sample from
      leased_at REAL NOT NULL,
      ended_at REAL,
      ending TEXT,                      -- 'admitted', or why the unit was queued again
      PRIMARY KEY (incarnation, number)
    ) WITHOUT ROWID;
    CREATE TABLE groups (               -- the responses to one prompt, with their rewards
      id INTEGER PRIMARY KEY,           -- order of admission
      position INTEGER NOT NULL UNIQUE REFERENCES units,
      incarnation INTEGER NOT NULL,
      lease INTEGER NOT NULL,
      attempt INTEGER NOT NULL,
      version INTEGER NOT NULL,         -- policy version that sampled it
      step INTEGER NOT NULL,
      worker TEXT NOT NULL,
      scorer TEXT NOT NULL,
      task_sha256 BLOB NOT NULL,
      responses INTEGER NOT NULL,
      tokens INTEGER NOT NULL,          -- of all responses
      outcome REAL NOT NULL,            -- mean outcome reward
      thinking REAL,                    -- mean thinking reward over the responses that have one
      gamma REAL,                       -- trust weight, equation 3; NULL where the thinking reward did not count
      mu_correct REAL,                  -- equations 1 and 2
      mu_wrong REAL,
      weight REAL NOT NULL,             -- gamma * alpha * exp(-step / T), equation 5
      one_sided INTEGER NOT NULL,
      missing_thinking INTEGER NOT NULL,
      standard_deviation REAL NOT NULL,
      generation_seconds REAL NOT NULL,
      scoring_seconds REAL NOT NULL,
      admitted_at REAL NOT NULL
    );
    CREATE TABLE responses (
      group_id INTEGER NOT NULL REFERENCES groups,
      member INTEGER NOT NULL,          -- from 0
      outcome REAL NOT NULL,
      thinking REAL,                    -- NULL where it is missing
      total REAL NOT NULL,              -- R of equation 5
      advantage REAL NOT NULL,          -- A of equation 6
      finish TEXT NOT NULL,             -- 'stop' or 'length'
      text TEXT NOT NULL,
      tokens BLOB NOT NULL,             -- little-endian int32
      log_probabilities BLOB NOT NULL,  -- little-endian float32, nats, of the policy that sampled it
      UNIQUE (group_id, member)
    );
    CREATE TABLE steps (                -- updates of the policy, the committed line only
      step INTEGER PRIMARY KEY,         -- from 1; makes the policy version of the same number
      incarnation INTEGER NOT NULL,
      groups INTEGER NOT NULL,
      responses INTEGER NOT NULL,
      tokens INTEGER NOT NULL,
      policy_sha256 BLOB NOT NULL,
      trained_at REAL NOT NULL,
      uptime REAL NOT NULL              -- monotonic clock, seconds; comparable within an incarnation
    );
    CREATE TABLE metrics (
      step INTEGER NOT NULL,
      name TEXT NOT NULL,
      value REAL,                       -- NULL where it was not a number
      UNIQUE (name, step)
    );
    CREATE TABLE checkpoints (
      step INTEGER PRIMARY KEY,
      path TEXT NOT NULL,               -- relative to the run folder
      policy_sha256 BLOB NOT NULL,
      made_at REAL NOT NULL
    );
    """

  private static let telemetry = """
    CREATE TABLE meta (                 -- what holds for the whole run: seed, settings, ...
      key TEXT PRIMARY KEY,
      value TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE evaluations (
      name TEXT NOT NULL,               -- of the data set
      step INTEGER NOT NULL,            -- policy version
      rows INTEGER NOT NULL,
      accuracy REAL NOT NULL,
      outcome REAL NOT NULL,            -- mean outcome reward
      thinking REAL,                    -- mean thinking reward, where it was asked for
      at REAL NOT NULL,
      PRIMARY KEY (name, step)
    ) WITHOUT ROWID;
    CREATE TABLE examples (             -- held-out problems with the policy's answers before and after training
      id INTEGER PRIMARY KEY,
      problem TEXT NOT NULL,
      image BLOB,                       -- a whole PNG or JPEG file
      solution TEXT NOT NULL,
      before TEXT NOT NULL,
      before_outcome REAL NOT NULL,
      after TEXT NOT NULL,
      after_outcome REAL NOT NULL
    );
    CREATE TABLE events (
      id INTEGER PRIMARY KEY,
      at REAL NOT NULL,
      level TEXT NOT NULL,              -- 'note', 'warning' or 'error'
      source TEXT NOT NULL,             -- who speaks: learner, worker-0, ...
      message TEXT NOT NULL
    );
    CREATE TABLE processes (
      id INTEGER PRIMARY KEY,
      role TEXT NOT NULL,
      number INTEGER NOT NULL,          -- among those of its role, from 0
      pid INTEGER NOT NULL,
      host TEXT NOT NULL,
      started_at REAL NOT NULL,
      ended_at REAL,
      exit TEXT,                        -- how it ended
      UNIQUE (role, number, host, pid, started_at)
    );
    CREATE TABLE stages (               -- parts of a run; one that was interrupted has several rows
      id INTEGER PRIMARY KEY,
      name TEXT NOT NULL,
      started_at REAL NOT NULL,
      seconds REAL NOT NULL
    );
    """
}
