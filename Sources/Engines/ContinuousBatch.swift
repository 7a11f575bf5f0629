internal import Rollout
internal import Torch
internal import VisionLanguage

/// Samples the responses of many prompts at once, each as if it were alone.
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
  struct Row {
    let request: Int
    let sample: Int
    var tokens: [Int32] = []
    var logProbabilities: [Float] = []
    var finish: Response.Finish?
    var sequence = Decoding.Sequence()
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
    var promptTime = Duration.zero
  }

  private let decoding: Decoding
  private let settings: SamplingSettings
  private let stops: Set<Int32>
  /// Responses that are decoded at once, at most.
  private let width: Int
  private let requests: [Request]
  private(set) var rows: [Row]
  private var prompts: [Int: Decoding.Prompt] = [:]
  /// Responses that have not ended, of each request.
  private var open: [Int]
  /// Rows in the batch, in the order in which they joined.
  private var active: [Int] = []
  /// Rows that are not in the batch, the next one last.
  private var waiting: [Int]
  private(set) var counts = Counts()

  init(_ decoding: Decoding, _ requests: [Request], _ settings: SamplingSettings, stops: Set<Int32>, width: Int) {
    self.decoding = decoding
    self.requests = requests
    self.settings = settings
    self.stops = stops
    self.width = width
    rows = requests.enumerated().flatMap { request, asked in
      (0..<asked.samples).map { Row(request: request, sample: $0) }
    }
    open = requests.map(\.samples)
    waiting = rows.indices.reversed()
  }

  /// Decodes until every response has ended.
  ///
  /// - Parameter ended: told of each request whose last response has ended; what it throws ends the work.
  mutating func run(ended: (Int) throws -> Void) throws {
    defer { release() }
    while !active.isEmpty || !waiting.isEmpty {
      try admit(ended)
      try step(ended)
    }
  }

  // MARK: Joining

  /// Lets rows join while there is room for them.
  private mutating func admit(_ ended: (Int) throws -> Void) throws {
    while active.count < width, let next = waiting.last {
      let request = rows[next].request
      let isRead = prompts[request] != nil
      // Room to begin again where it was, and a page for everybody who may need one at the next step.
      let needed = KeyValuePages.count(for: rows[next].tokens.count + 1) + active.count
        + (isRead ? 0 : KeyValuePages.count(for: requests[request].prompt.tokens.count))
      if needed > decoding.pages.freeCount {
        if !active.isEmpty { return }
        forgetIdlePrompts(besides: request)
      }
      if !isRead {
        let started = ContinuousClock.now
        guard let prompt = try decoding.read(requests[request].prompt) else {
          preconditionFailure("the engine checked that the pages hold any one prompt with its response")
        }
        counts.promptTime += ContinuousClock.now - started
        prompts[request] = prompt
        counts.promptsRead += 1
      }
      waiting.removeLast()
      active.append(next)
      if rows[next].tokens.isEmpty { try begin(next, ended) }
    }
  }

  /// Draws the first token of a row.
  private mutating func begin(_ row: Int, _ ended: (Int) throws -> Void) throws {
    guard let prompt = prompts[rows[row].request] else { return }
    try sample(prompt.logits, [(row: row, logits: 0)], ended)
  }

  /// Makes room by forgetting prompts that nobody in the batch continues; they are read again when somebody does.
  private mutating func forgetIdlePrompts(besides kept: Int) {
    let used = Set(active.map { rows[$0].request } + [kept])
    for request in prompts.keys.sorted() where !used.contains(request) {
      prompts.removeValue(forKey: request).map(decoding.forget)
    }
  }

  // MARK: A step

  private mutating func step(_ ended: (Int) throws -> Void) throws {
    makeRoom()
    guard !active.isEmpty else { return }
    let tokens = active.compactMap { row in
      prompts[rows[row].request].map {
        Decoding.Token(rows[row].tokens[rows[row].sequence.length], after: $0, rows[row].sequence)
      }
    }
    let logits = try decoding.logits(after: tokens)
    counts.steps += 1
    counts.tokens += tokens.count
    var drawn: [(row: Int, logits: Int)] = []
    for (place, row) in active.enumerated() {
      rows[row].sequence.advance()
      // A row that gave its pages up has tokens ahead of it, which are known.
      if rows[row].sequence.length == rows[row].tokens.count { drawn.append((row, place)) }
    }
    try sample(logits, drawn, ended)
  }

  /// Gives every row of the batch room for a token, the oldest first.
  private mutating func makeRoom() {
    var place = 0
    while place < active.count {
      if decoding.extend(&rows[active[place]].sequence) {
        place += 1
      } else if place < active.count - 1 {
        evictLast()
      } else if prompts.count > 1, active.count == 1 {
        forgetIdlePrompts(besides: rows[active[place]].request)
      } else {
        evictLast()
      }
    }
  }

  private mutating func evictLast() {
    let row = active.removeLast()
    decoding.forget(&rows[row].sequence)
    waiting.append(row)
    counts.evictions += 1
  }

  /// Draws the next token of rows and lets those that end leave.
  private mutating func sample(
    _ logits: Tensor, _ drawn: [(row: Int, logits: Int)], _ ended: (Int) throws -> Void
  ) throws {
    guard !drawn.isEmpty else { return }
    let isGreedy = settings.temperature == 0
    let draws = drawn.map { place in
      isGreedy ? 0 : requests[rows[place.row].request].draw(rows[place.row].sample, rows[place.row].tokens.count)
    }
    let found = try logits.sampled(
      rows: drawn.map(\.logits), draws: draws, temperature: settings.temperature, topK: settings.topK,
      topP: settings.topP)
    var left: Set<Int> = []
    for (index, place) in drawn.enumerated() {
      let token = found.tokens[index]
      guard token >= 0 else {
        throw ModelError(
          code: "generation.not-finite", message: "the model's logits are not finite",
          advice: "its weights are damaged or training diverged: go back to an earlier checkpoint")
      }
      rows[place.row].tokens.append(token)
      rows[place.row].logProbabilities.append(found.logProbabilities[index])
      guard stops.contains(token) || rows[place.row].tokens.count == settings.maximumTokens else { continue }
      rows[place.row].finish = stops.contains(token) ? .stop : .length
      decoding.forget(&rows[place.row].sequence)
      left.insert(place.row)
    }
    guard !left.isEmpty else { return }
    active.removeAll(where: left.contains)
    for row in left.sorted() {
      let request = rows[row].request
      open[request] -= 1
      guard open[request] == 0 else { continue }
      prompts.removeValue(forKey: request).map(decoding.forget)
      try ended(request)
    }
  }

  /// Gives everything back, also where an error ended the work.
  private mutating func release() {
    for row in rows.indices { decoding.forget(&rows[row].sequence) }
    for prompt in prompts.values { decoding.forget(prompt) }
    prompts = [:]
  }
}
