internal import Foundation

/// Estimates how long a stage still takes, from its rate of late.
///
/// Work and time are both forgotten at the same pace, so that the estimate follows a change of speed within about
/// `memory` seconds and yet starts right from the first update.
struct TimeLeft: Sendable {
  private let memory: Double
  private var work = 0.0
  private var time = 0.0
  private var last: (done: Int, at: Double)

  init(at now: Double, memory: Double = 15) {
    self.memory = memory
    last = (0, now)
  }

  mutating func update(done: Int, at now: Double) {
    guard now > last.at, done >= last.done else { return }
    let span = now - last.at
    let kept = exp(-span / memory)
    work = work * kept + Double(done - last.done)
    time = time * kept + span
    last = (done, now)
  }

  /// Things done by the second; nil before anything was.
  var rate: Double? { time > 0 && work > 0 ? work / time : nil }

  /// Seconds from the last update until `total` are done.
  func seconds(until total: Int) -> Double? {
    rate.map { Double(max(0, total - last.done)) / $0 }
  }
}
