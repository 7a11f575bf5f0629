internal import DurableFiles
internal import Foundation
internal import Limits
internal import Rollout
internal import TrustGRPO

extension WireUnitID {
  init(_ unit: UnitID) {
    self.init()
    epoch = unit.epoch
    prompt = unit.prompt
  }
}

extension UnitID {
  init(_ wire: WireUnitID) {
    self.init(epoch: wire.epoch, prompt: wire.prompt)
  }
}

extension WireLeaseID {
  init(_ lease: LeaseID) {
    self.init()
    incarnation = lease.incarnation
    number = lease.number
  }
}

extension LeaseID {
  init(_ wire: WireLeaseID) {
    self.init(incarnation: wire.incarnation, number: wire.number)
  }
}

extension WirePromptTask {
  init(_ task: PromptTask) {
    self.init()
    problem = task.problem
    if let system = task.system { self.system = system }
    images = task.images.map { Data($0) }
    problemType = task.problemType
    solution = task.solution
  }
}

extension PromptTask {
  init(_ wire: WirePromptTask, _ limits: Limits) throws(WireError) {
    try limits.check("the length of a problem", wire.problem.utf8.count, limits.messages.problemText)
    try limits.check("the length of a system prompt", wire.system.utf8.count, limits.messages.problemText)
    try limits.check("the length of a solution", wire.solution.utf8.count, limits.messages.problemText)
    try limits.check("the length of a problem type", wire.problemType.utf8.count, limits.messages.name)
    try limits.check("the number of images", wire.images.count, limits.messages.imagesPerPrompt)
    for image in wire.images { try limits.check("the size of an image", image.count, limits.images.file) }
    self.init(
      problem: wire.problem, system: wire.hasSystem ? wire.system : nil, images: wire.images.map { [UInt8]($0) },
      problemType: wire.problemType, solution: wire.solution)
  }
}

extension WireLease {
  init(_ lease: Lease) {
    self.init()
    id = WireLeaseID(lease.id)
    unit = WireUnitID(lease.unit)
    attempt = lease.attempt
    version = lease.version
    step = lease.step
    task = WirePromptTask(lease.task)
  }
}

extension Lease {
  init(_ wire: WireLease, _ limits: Limits) throws(WireError) {
    guard wire.hasID, wire.hasUnit, wire.hasTask, wire.step >= 1, wire.attempt >= 1 else {
      throw .malformed("lease", "id, unit, attempt, step or task is missing")
    }
    self.init(
      id: LeaseID(wire.id), unit: UnitID(wire.unit), attempt: wire.attempt, version: wire.version, step: wire.step,
      task: try PromptTask(wire.task, limits))
  }
}

extension WireResponse {
  init(_ response: Response) {
    self.init()
    tokens = response.tokens
    logProbabilities = response.logProbabilities
    text = response.text
    finish =
      switch response.finish {
      case .stop: .stop
      case .length: .length
      }
  }
}

extension Response {
  init(_ wire: WireResponse, _ limits: Limits) throws(WireError) {
    try limits.check("the tokens of a response", wire.tokens.count, limits.messages.responseTokens)
    try limits.check("the log-probabilities of a response", wire.logProbabilities.count, limits.messages.responseTokens)
    try limits.check("the length of a response", wire.text.utf8.count, limits.messages.responseText)
    let finish: Finish
    switch wire.finish {
    case .stop: finish = .stop
    case .length: finish = .length
    case .unspecified, .UNRECOGNIZED: throw .malformed("response", "it does not say how it ended")
    }
    self.init(tokens: wire.tokens, logProbabilities: wire.logProbabilities, finish: finish, text: wire.text)
  }
}

extension WireResponseGroup {
  init(_ group: ResponseGroup) {
    self.init()
    lease = WireLease(group.lease)
    responses = group.responses.map { WireResponse($0) }
    seconds = group.seconds
  }
}

extension ResponseGroup {
  init(_ wire: WireResponseGroup, _ limits: Limits) throws(WireError) {
    guard wire.hasLease else { throw .malformed("response group", "its lease is missing") }
    try limits.check("the size of a group", wire.responses.count, limits.messages.groupSize)
    self.init(
      lease: try Lease(wire.lease, limits), responses: try limits.each(wire.responses, Response.init),
      seconds: try limits.seconds(wire.seconds))
  }
}

extension WireScoredGroup {
  init(_ group: ScoredGroup) {
    self.init()
    lease = WireLeaseID(group.lease)
    unit = WireUnitID(group.unit)
    attempt = group.attempt
    version = group.version
    step = group.step
    taskDigest = Data(group.taskDigest.bytes)
    responses = group.responses.map { WireResponse($0) }
    outcomes = group.outcomes
    thinking = group.thinking.map { score in
      var wire = WireOptionalDouble()
      if let score { wire.value = score }
      return wire
    }
    generationSeconds = group.generationSeconds
    scoringSeconds = group.scoringSeconds
    worker = group.worker
  }
}

extension ScoredGroup {
  init(_ wire: WireScoredGroup, _ limits: Limits, _ settings: TrustGRPOSettings) throws(WireError) {
    guard wire.hasLease, wire.hasUnit, wire.step >= 1, wire.attempt >= 1 else {
      throw .malformed("scored group", "lease, unit, attempt or step is missing")
    }
    for count in [wire.responses.count, wire.outcomes.count, wire.thinking.count] {
      try limits.check("the size of a group", count, limits.messages.groupSize)
    }
    let outcomes = wire.outcomes
    let thinking = wire.thinking.map { $0.hasValue ? $0.value : nil }
    let rewards: GroupRewards
    do {
      // Equation 5 counts the steps already trained.
      rewards = try GroupRewards.compute(
        outcomes: outcomes, thinking: thinking, step: Int(wire.step) - 1, settings: settings)
    } catch {
      throw .malformed("scored group", error.message)
    }
    self.init(
      lease: LeaseID(wire.lease), unit: UnitID(wire.unit), attempt: wire.attempt, version: wire.version,
      step: wire.step, taskDigest: try digest(wire.taskDigest), responses: try limits.each(wire.responses, Response.init),
      outcomes: outcomes, thinking: thinking, rewards: rewards,
      generationSeconds: try limits.seconds(wire.generationSeconds),
      scoringSeconds: try limits.seconds(wire.scoringSeconds), worker: try limits.name(wire.worker))
  }
}

func digest(_ data: Data) throws(WireError) -> SHA256Digest {
  guard let digest = SHA256Digest(bytes: [UInt8](data)) else {
    throw .malformed("digest", "\(data.count) bytes where SHA-256 has 32")
  }
  return digest
}

extension Limits {
  func check(_ what: String, _ value: Int, _ limit: Int) throws(WireError) {
    guard value <= limit else { throw .beyondLimit(what, value, limit: limit) }
  }

  func each<In, Out>(
    _ list: [In], _ convert: (In, Limits) throws(WireError) -> Out
  ) throws(WireError) -> [Out] {
    var out: [Out] = []
    out.reserveCapacity(list.count)
    for element in list { out.append(try convert(element, self)) }
    return out
  }

  func seconds(_ value: Double) throws(WireError) -> Double {
    guard value >= 0, value < 1e9 else { throw .malformed("duration", "\(value) s") }
    return value
  }

  /// A count or offset that must fit an Int and a limit.
  func size(_ what: String, _ value: UInt64, _ limit: Int) throws(WireError) -> Int {
    guard value <= UInt64(limit) else {
      throw .beyondLimit(what, Int(clamping: value), limit: limit)
    }
    return Int(value)
  }
}
