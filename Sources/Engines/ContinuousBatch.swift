internal import Rollout
internal import Torch
internal import VisionLanguage

/// Samples the responses of many prompts at once, each as if it were alone. Requests may be added between any two steps.
///
/// A response that ends leaves the batch with that step, and one that waits takes its place. Keys and values stand in pages
/// of which there are only so many: when none is free, the response that began last gives its pages up and is decoded again
/// later, from its own tokens, to the same bits.
struct ContinuousBatch {
  /// A prompt and how many responses to it.
  struct Request {
    let prompt: VisualPrompt
    let samples: Int
    /// A uniform number in [0, 1) for a sample and the position of a token in its response; not asked when greedy.
    let draw: (_ sample: Int, _ position: Int) -> Double
  }

  /// A response, as far as it has come.
  struct Row: Sendable {
    var tokens: [Int32] = []
    var logProbabilities: [Float] = []
    var finish: Response.Finish?
    fileprivate var sequence = Decoding.Sequence()
  }

  /// A request that has come to its end.
  struct Ended: Sendable {
    /// What `add` gave.
    let number: Int
    /// A row a sample, or why its prompt cannot be answered.
    let rows: Result<[Row], any Error>
    /// Of the batch's time, this request's share.
    let seconds: Double
  }

  /// How the work went.
  struct Counts {
    /// Steps, and the tokens worked on in all of them.
    var steps = 0
    var tokens = 0
    /// Times that a response gave its pages up.
    var evictions = 0
    var promptsRead = 0
    /// Spent on reading prompts.
    var promptSeconds = 0.0
  }

  private struct Open {
    let request: Request
    var rows: [Row]
    /// Responses that have not ended.
    var left: Int
    var prompt: Decoding.Prompt?
    var seconds = 0.0
  }

  /// Which response: of a request, by its number.
  private struct Place: Hashable {
    let number: Int
    let sample: Int
  }

  private let decoding: Decoding
  private let settings: SamplingSettings
  private let stops: Set<Int32>
  /// Responses that are decoded at once, at most.
  private let width: Int
  private var open: [Int: Open] = [:]
  private var nextNumber = 0
  /// Responses in the batch, in the order in which they joined.
  private var active: [Place] = []
  /// Those that are not in it, the next one first.
  private var waiting: [Place] = []
  private var ended: [Ended] = []
  private(set) var counts = Counts()

  /// - Parameter stops: tokens that end a response.
  init(_ decoding: Decoding, _ settings: SamplingSettings, stops: Set<Int32>, width: Int) {
    self.decoding = decoding
    self.settings = settings
    self.stops = stops
    self.width = width
  }

  var isEmpty: Bool { open.isEmpty }

  /// - Returns: the number by which its end is told.
  mutating func add(_ request: Request) -> Int {
    defer { nextNumber += 1 }
    open[nextNumber] = Open(request: request, rows: [Row](repeating: Row(), count: request.samples), left: request.samples)
    waiting += (0..<request.samples).map { Place(number: nextNumber, sample: $0) }
    return nextNumber
  }

  /// Lets responses join and adds a token to each in the batch.
  ///
  /// - Returns: the requests whose last response has ended.
  /// - Throws: if nothing more can come of any of them; then give all up (`removeAll`).
  mutating func step() throws -> [Ended] {
    ended = []
    try admit()
    try advance()
    return ended
  }

  /// Gives everything back.
  mutating func removeAll() {
    for number in open.keys.sorted() { close(number) }
    active = []
    waiting = []
  }

  private mutating func close(_ number: Int) {
    guard var entry = open.removeValue(forKey: number) else { return }
    for sample in entry.rows.indices { decoding.forget(&entry.rows[sample].sequence) }
    entry.prompt.map(decoding.forget)
  }

  /// Ends a request that cannot be answered; those beside it go on.
  private mutating func fail(_ number: Int, _ error: any Error) {
    guard let entry = open[number] else { return }
    active.removeAll { $0.number == number }
    waiting.removeAll { $0.number == number }
    ended.append(Ended(number: number, rows: .failure(error), seconds: entry.seconds))
    close(number)
  }

  // MARK: Joining

  private mutating func admit() throws {
    while active.count < width, let next = waiting.first, let entry = open[next.number] {
      // Room to begin again where it was, and a page for everybody who may need one at the next step.
      let tokens = entry.rows[next.sample].tokens.count
      let needed = KeyValuePages.count(for: tokens + 1) + active.count
        + (entry.prompt == nil ? KeyValuePages.count(for: entry.request.prompt.tokens.count) : 0)
      if needed > decoding.pages.freeCount {
        if !active.isEmpty { return }
        forgetIdlePrompts(besides: next.number)
      }
      guard entry.prompt != nil || read(next.number) else { continue }
      waiting.removeFirst()
      active.append(next)
      if tokens == 0, let prompt = open[next.number]?.prompt { try sample(prompt.logits, [(next, 0)]) }
    }
  }

  /// - Returns: false if the prompt cannot be answered: then its request has ended.
  private mutating func read(_ number: Int) -> Bool {
    guard let request = open[number]?.request else { return false }
    let started = ContinuousClock.now
    do {
      guard let prompt = try decoding.read(request.prompt, reaching: settings.maximumTokens) else {
        preconditionFailure("whoever makes the pages sees to it that they hold any one prompt with its response")
      }
      open[number]?.prompt = prompt
    } catch {
      fail(number, error)
      return false
    }
    let seconds = (ContinuousClock.now - started).inSeconds
    open[number]?.seconds += seconds
    counts.promptSeconds += seconds
    counts.promptsRead += 1
    return true
  }

  /// Makes room by forgetting prompts that nobody in the batch continues; they are read again when somebody does.
  private mutating func forgetIdlePrompts(besides kept: Int) {
    let used = Set(active.map(\.number) + [kept])
    for number in open.keys.sorted() where !used.contains(number) {
      open[number]?.prompt.map(decoding.forget)
      open[number]?.prompt = nil
    }
  }

  // MARK: A step

  private mutating func advance() throws {
    makeRoom()
    guard !active.isEmpty else { return }
    let started = ContinuousClock.now
    let tokens = active.compactMap { place -> Decoding.Token? in
      guard let entry = open[place.number], let prompt = entry.prompt else { return nil }
      let row = entry.rows[place.sample]
      return Decoding.Token(row.tokens[row.sequence.length], after: prompt, row.sequence)
    }
    let logits = try decoding.logits(after: tokens)
    counts.steps += 1
    counts.tokens += tokens.count
    var drawn: [(place: Place, logits: Int)] = []
    for (index, place) in active.enumerated() {
      open[place.number]?.rows[place.sample].sequence.advance()
      // A row that gave its pages up has tokens ahead of it, which are known.
      if let row = open[place.number]?.rows[place.sample], row.sequence.length == row.tokens.count {
        drawn.append((place, index))
      }
    }
    let share = (ContinuousClock.now - started).inSeconds / Double(active.count)
    for place in active { open[place.number]?.seconds += share }
    try sample(logits, drawn)
  }

  /// Gives every row of the batch room for a token, the oldest first.
  private mutating func makeRoom() {
    var index = 0
    while index < active.count {
      let place = active[index]
      if open[place.number].map({ _ in extend(place) }) ?? true {
        index += 1
      } else if active.count == 1, open.values.count(where: { $0.prompt != nil }) > 1 {
        forgetIdlePrompts(besides: place.number)
      } else {
        evictLast()
      }
    }
  }

  private mutating func extend(_ place: Place) -> Bool {
    guard var entry = open.removeValue(forKey: place.number) else { return true }
    defer { open[place.number] = entry }
    return decoding.extend(&entry.rows[place.sample].sequence)
  }

  private mutating func evictLast() {
    let place = active.removeLast()
    guard var entry = open.removeValue(forKey: place.number) else { return }
    decoding.forget(&entry.rows[place.sample].sequence)
    open[place.number] = entry
    waiting.insert(place, at: 0)
    counts.evictions += 1
  }

  /// Draws the next token of rows and lets those that end leave.
  private mutating func sample(_ logits: Tensor, _ drawn: [(place: Place, logits: Int)]) throws {
    guard !drawn.isEmpty else { return }
    let draws = drawn.map { place, _ -> Double in
      guard settings.temperature > 0, let entry = open[place.number] else { return 0 }
      return entry.request.draw(place.sample, entry.rows[place.sample].tokens.count)
    }
    let found = try logits.sampled(
      rows: drawn.map(\.logits), draws: draws, temperature: settings.temperature, topK: settings.topK, topP: settings.topP)
    var left: Set<Place> = []
    for (index, (place, _)) in drawn.enumerated() {
      let token = found.tokens[index]
      guard token >= 0 else {
        fail(
          place.number,
          ModelError(
            code: "generation.not-finite", message: "the model's logits are not finite",
            advice: "its weights are damaged or training diverged: go back to an earlier checkpoint"))
        continue
      }
      guard var entry = open.removeValue(forKey: place.number) else { continue }
      entry.rows[place.sample].tokens.append(token)
      entry.rows[place.sample].logProbabilities.append(found.logProbabilities[index])
      if stops.contains(token) || entry.rows[place.sample].tokens.count == settings.maximumTokens {
        entry.rows[place.sample].finish = stops.contains(token) ? .stop : .length
        decoding.forget(&entry.rows[place.sample].sequence)
        entry.left -= 1
        left.insert(place)
      }
      open[place.number] = entry
      guard entry.left == 0 else { continue }
      ended.append(Ended(number: place.number, rows: .success(entry.rows), seconds: entry.seconds))
      close(place.number)
    }
    if !left.isEmpty { active.removeAll(where: left.contains) }
  }
}
