internal import Glibc

/// A point of the clock that the kernel's timers go by. It never jumps.
struct MonotonicInstant: Comparable {
  var nanoseconds: UInt64

  static var now: MonotonicInstant {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return MonotonicInstant(nanoseconds: UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec))
  }

  static func < (a: MonotonicInstant, b: MonotonicInstant) -> Bool { a.nanoseconds < b.nanoseconds }

  static func + (instant: MonotonicInstant, duration: Duration) -> MonotonicInstant {
    MonotonicInstant(nanoseconds: instant.nanoseconds &+ duration.wholeNanoseconds)
  }

  /// Zero if `earlier` is later.
  func seconds(since earlier: MonotonicInstant) -> Double {
    self > earlier ? Double(nanoseconds - earlier.nanoseconds) / 1e9 : 0
  }
}

extension Duration {
  /// At least 0 and at most a hundred years, so that sums with instants do not overflow.
  var wholeNanoseconds: UInt64 {
    let hundredYears: Int64 = 3_155_760_000
    let (seconds, attoseconds) = components
    if seconds < 0 || attoseconds < 0 { return 0 }
    return UInt64(min(seconds, hundredYears)) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
  }
}
