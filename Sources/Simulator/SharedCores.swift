internal import Rollout

/// Jobs that share the cores of one machine, as the kernel's scheduler shares them: every thread gets the same, and no
/// more than one core.
///
/// All running jobs advance at one rate, so one number, how far a job that had run from the beginning would be, says of
/// each when it will be done; starting or ending a job only changes the rate.
struct SharedCores: Sendable {
  struct Job: Sendable {
    /// Whose engine it is of, or a `LearnerThread`.
    let process: Int
    let threads: Double
    let began: Instant
    /// Where `progress` will be when it is done.
    fileprivate let end: Double
  }

  let cores: Double
  private(set) var jobs: [Job] = []
  /// Seconds that a job has got on, had it run since the beginning.
  private var progress = 0.0
  private var at = Instant(nanoseconds: 0)

  init(cores: Double) {
    self.cores = cores
  }

  /// Of the speed that a job has when it is alone.
  var rate: Double {
    let threads = jobs.reduce(0) { $0 + $1.threads }
    return threads > cores ? cores / threads : 1
  }

  /// - Parameter seconds: that the job takes if it has `threads` cores to itself.
  mutating func add(of process: Int, threads: Double, seconds: Double, at now: Instant) {
    advance(to: now)
    jobs.append(Job(process: process, threads: threads, began: now, end: progress + seconds))
  }

  /// When the next job will be done, unless one starts or ends before; nil if none runs.
  var nextEnd: Instant? {
    guard let end = jobs.map(\.end).min() else { return nil }
    return at + .nanoseconds(Int64((max(0, end - progress) / rate * 1e9).rounded(.up)))
  }

  /// Takes out the job that is done at `nextEnd`, the first that was added among several.
  mutating func takeDone(at now: Instant) -> Job? {
    advance(to: now)
    guard let index = jobs.indices.min(by: { jobs[$0].end < jobs[$1].end }) else { return nil }
    // A nanosecond is the clock's last digit.
    guard jobs[index].end - progress < 1e-9 else { return nil }
    return jobs.remove(at: index)
  }

  /// Takes out the jobs of a process that is gone.
  mutating func removeAll(of process: Int, at now: Instant) {
    advance(to: now)
    jobs.removeAll { $0.process == process }
  }

  private mutating func advance(to now: Instant) {
    progress += (now - at).inSeconds * rate
    at = now
  }
}

/// What the learner's process does besides training, each on a thread of its own: they take their share of the cores like
/// engines, under numbers that no process has.
enum LearnerThread: Int, CaseIterable {
  /// Its loop, with the sockets and the network's threads.
  case loop = -1
  /// The thread that writes the journal.
  case journal = -2
}
