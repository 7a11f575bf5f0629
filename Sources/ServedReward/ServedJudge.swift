internal import ActionableErrors
internal import Foundation
internal import HTTP
package import Rollout

/// Where a thinking-reward model is served, and how it is asked.
package struct ServedJudgeSettings: Sendable, Hashable {
  /// The service's base, `http://HOST:8000/v1`, or the whole address of its chat completions.
  package var url: String
  /// The model's name there.
  package var model: String
  /// Sent as a bearer token; nil: none.
  package var key: String?
  /// Of an answer. Models that think first need more than a number's worth.
  package var maximumTokens: Int
  package var service: RewardServiceSettings

  package init(
    url: String, model: String, key: String? = nil, maximumTokens: Int = 512,
    service: RewardServiceSettings = RewardServiceSettings()
  ) {
    self.url = url
    self.model = model
    self.key = key
    self.maximumTokens = maximumTokens
    self.service = service
  }

  var endpoint: String {
    let base = url.hasSuffix("/") ? String(url.dropLast()) : url
    return base.hasSuffix("/chat/completions") ? base : base + "/chat/completions"
  }
}

package struct ServedJudgeError: ActionableError {
  package let code: String
  package let message: String
  package let advice: String

  static func declined(_ reason: String) -> ServedJudgeError {
    ServedJudgeError(
      code: "judge.declined", message: reason,
      advice: "the group is issued again; thinking.whenDown says what is done while the service is down")
  }
}

/// Asks a served model for the thinking scores of groups: `RewardService` with its connections and its clock.
package actor ServedJudge {
  private struct Call {
    let traces: [JudgedTrace]
    let answer: CheckedContinuation<JudgedGroup, any Error>
  }

  private let settings: ServedJudgeSettings
  private let log: @Sendable (LogLevel, String) -> Void
  private let client: HTTPClient
  private let clock = ContinuousClock()
  private let start = ContinuousClock.now
  private var machine: RewardService
  private var calls: [LeaseID: Call] = [:]
  private var alarm: Task<Void, Never>?
  private var stopped: (any Error)?

  /// - Parameters:
  ///   - seed: of the jitter, its own for each scorer, so that scorers do not ask in step.
  package init(_ settings: ServedJudgeSettings, seed: UInt64, log: @escaping @Sendable (LogLevel, String) -> Void) {
    self.settings = settings
    self.log = log
    client = HTTPClient(connections: settings.service.concurrency)
    machine = RewardService(settings: settings.service, seed: seed, now: Rollout.Instant(nanoseconds: 0))
  }

  deinit {
    alarm?.cancel()
    client.close()
  }

  package var counters: RewardServiceCounters { machine.counters }

  /// Scores the traces of one group.
  ///
  /// - Parameter key: not under way at the moment.
  /// - Returns: one verdict a trace.
  /// - Throws: `ServedJudgeError` if the service does not give them all, and the group is not to go on without;
  ///   `EngineStopped` if the process is to end; `CancellationError` if the task is cancelled.
  package func judge(_ key: LeaseID, _ traces: [JudgedTrace]) async throws -> JudgedGroup {
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        guard !Task.isCancelled else { return continuation.resume(throwing: CancellationError()) }
        guard calls[key] == nil else {
          return continuation.resume(throwing: ServedJudgeError.declined("the group of lease \(key) is being judged already"))
        }
        calls[key] = Call(traces: traces, answer: continuation)
        receive(.judge(GroupCall(key: key, members: traces.count)))
      }
    } onCancel: {
      Task { await self.cancel(key) }
    }
  }

  private func cancel(_ key: LeaseID) {
    guard let call = calls.removeValue(forKey: key) else { return }
    receive(.cancel(key))
    call.answer.resume(throwing: CancellationError())
  }

  // MARK: The machine

  private var now: Rollout.Instant { Rollout.Instant(nanoseconds: 0) + (clock.now - start) }

  /// - Parameter complaint: what the service itself says about it.
  private func receive(_ event: RewardServiceEvent, complaint: String = "") {
    let said = complaint.isEmpty ? "" : "; it says: \(complaint)"
    let actions = machine.receive(event, at: now)
    // The machine declines its groups before it says that all is over.
    let end = actions.lazy.compactMap { if case .stop(let reason) = $0 { reason } else { nil } }.first
    if let end { stopped = EngineStopped(reason: "\(end) (\(settings.endpoint))\(said)") }
    for action in actions {
      switch action {
      case .send(let request): send(request)
      case .abandon(let request): client.cancel(request)
      case .judged(let group): calls.removeValue(forKey: group.key)?.answer.resume(returning: group)
      case .declined(let key, let reason):
        calls.removeValue(forKey: key)?.answer.resume(throwing: stopped ?? ServedJudgeError.declined(reason))
      case .log(let level, let text): log(level, text + said)
      case .stop: break
      }
    }
    setAlarm()
  }

  private func setAlarm() {
    alarm?.cancel()
    guard let wakeAt = machine.wakeAt else { return alarm = nil }
    let wait = wakeAt - now
    alarm = Task { [weak self] in
      try? await Task.sleep(for: max(.milliseconds(1), wait))
      if !Task.isCancelled { await self?.receive(.tick) }
    }
  }

  // MARK: HTTP

  private func send(_ request: ServiceRequest) {
    guard let trace = calls[request.group]?.traces[request.member] else { return }
    // Only now: whole images are in it, and many groups may wait.
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let body: [UInt8]
    do {
      body = Array(try encoder.encode(ChatRequest(trace, model: settings.model, maximumTokens: settings.maximumTokens)))
    } catch {
      preconditionFailure("texts cannot be written as JSON: \(error)")
    }
    var headers = [(name: "Content-Type", value: "application/json"), (name: "Accept", value: "application/json")]
    if let key = settings.key { headers.append((name: "Authorization", value: "Bearer \(key)")) }
    let post = HTTPRequest(
      url: settings.endpoint, headers: headers, body: body, deadline: request.deadline - now)
    client.send(post, number: request.number) { [weak self] outcome in
      Task { await self?.take(outcome, of: request.number) }
    }
  }

  private func take(_ outcome: HTTPOutcome, of request: UInt64) {
    switch outcome {
    case .timedOut: receive(.timedOut(request: request))
    case .unreachable(let reason): receive(.unreachable(request: request, reason: reason))
    case .response(let response) where (200..<300).contains(response.status):
      receive(.answered(request: request, score: ChatAnswer.score(in: response.body)))
    case .response(let response):
      receive(
        .refused(request: request, status: response.status, retryAfter: RetryAfter.duration(response.headers, now: Date().timeIntervalSince1970)),
        complaint: ChatAnswer.complaint(in: response.body))
    }
  }
}
