/// The number of a call, which its caller may cancel it by.
typealias CallNumber = UInt64

/// What has been asked and not been answered. Ids count up for as long as there is a program and never come again.
struct OpenCalls {
  typealias Instant = ContinuousClock.Instant

  enum Answered {
    /// Answers of the call are missing still, or nobody waits for it any more.
    case more
    case complete(CallNumber, [Double])
    case failed(CallNumber, RewardProgramError)
    /// There was no such request, or it has its answer.
    case wrong(String)
  }

  struct Overdue {
    let answers: Int
    let requests: Int
  }

  private struct Call {
    var rewards: [Double?]
    var missing: Int
    let due: Instant
  }

  private var calls: [CallNumber: Call] = [:]
  /// Requests without an answer, also of calls that are over.
  private var asked: [UInt64: (call: CallNumber, member: Int)] = [:]
  private var nextID: UInt64 = 1
  /// Of the program as it runs now.
  private var firstID: UInt64 = 1

  var isEmpty: Bool { calls.isEmpty }
  var due: Instant? { calls.values.lazy.map(\.due).min() }

  /// - Returns: the id of the first request; the others follow it.
  mutating func open(_ number: CallNumber, requests: Int, due: Instant) -> UInt64 {
    calls[number] = Call(rewards: Array(repeating: nil, count: requests), missing: requests, due: due)
    for member in 0..<requests { asked[nextID + UInt64(member)] = (number, member) }
    defer { nextID += UInt64(requests) }
    return nextID
  }

  mutating func receive(_ answer: RewardAnswer) -> Answered {
    guard let place = asked.removeValue(forKey: answer.id) else {
      return .wrong(
        (firstID..<nextID).contains(answer.id)
          ? "answers request \(answer.id) a second time" : "answers request \(answer.id), which it was not asked")
    }
    guard var call = calls.removeValue(forKey: place.call) else { return .more }
    switch answer.reward {
    case .failure(let error): return .failed(place.call, error)
    case .success(let reward):
      call.rewards[place.member] = reward
      call.missing -= 1
      if call.missing == 0 { return .complete(place.call, call.rewards.compactMap { $0 }) }
      calls[place.call] = call
      return .more
    }
  }

  /// Its answers may come or not.
  mutating func forget(_ number: CallNumber) {
    calls[number] = nil
  }

  func overdue(at now: Instant) -> Overdue? {
    calls.values.first { $0.due <= now }.map { Overdue(answers: $0.rewards.count - $0.missing, requests: $0.rewards.count) }
  }

  /// The program is done for: no answer will come.
  ///
  /// - Returns: the calls that waited for one, oldest first.
  mutating func closeAll() -> [CallNumber] {
    defer { (calls, asked, firstID) = ([:], [:], nextID) }
    return calls.keys.sorted()
  }
}
