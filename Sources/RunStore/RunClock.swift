internal import Foundation

/// The two clocks a run file is stamped with.
package struct RunClock: Sendable {
  /// Seconds since 1970; for people. It may jump.
  package var wall: @Sendable () -> Double
  /// Seconds since an arbitrary start; for durations. It never jumps, and means nothing in another process.
  package var monotonic: @Sendable () -> Double

  package init(wall: @escaping @Sendable () -> Double, monotonic: @escaping @Sendable () -> Double) {
    self.wall = wall
    self.monotonic = monotonic
  }

  package static let system = RunClock(
    wall: { Date().timeIntervalSince1970 },
    monotonic: {
      var time = timespec()
      clock_gettime(CLOCK_MONOTONIC, &time)
      return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    })
}
