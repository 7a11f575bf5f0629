/// What is to be run at which instant; of equal instants, first come first served.
struct TimerQueue {
  /// Sorted, the next one last. Loops have a handful of timers, so inserting is cheap.
  private var waiting: [(timer: PollTimer, body: () -> Void)] = []
  private var count: UInt64 = 0

  var next: ContinuousClock.Instant? { waiting.last?.timer.deadline }

  mutating func add(at deadline: ContinuousClock.Instant, _ body: @escaping () -> Void) -> PollTimer {
    count += 1
    let timer = PollTimer(deadline: deadline, number: count)
    waiting.insert((timer, body), at: index(of: timer))
    return timer
  }

  mutating func remove(_ timer: PollTimer) {
    let index = index(of: timer)
    if index < waiting.count, waiting[index].timer == timer { waiting.remove(at: index) }
  }

  /// Takes out at most `limit` of what is due.
  mutating func due(at now: ContinuousClock.Instant, limit: Int) -> [() -> Void] {
    var bodies: [() -> Void] = []
    while bodies.count < limit, let last = waiting.last, last.timer.deadline <= now {
      bodies.append(last.body)
      waiting.removeLast()
    }
    return bodies
  }

  /// Where `timer` is, or belongs.
  private func index(of timer: PollTimer) -> Int {
    var (low, high) = (0, waiting.count)
    while low < high {
      let middle = (low + high) / 2
      if waiting[middle].timer > timer { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
