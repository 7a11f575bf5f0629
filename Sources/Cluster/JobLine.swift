/// Runs jobs one after the other, in the order in which they were added, away from the role's own loop.
package struct JobLine: Sendable {
  private let continuation: AsyncStream<@Sendable () async -> Void>.Continuation

  package init() {
    let (jobs, continuation) = AsyncStream.makeStream(of: (@Sendable () async -> Void).self)
    self.continuation = continuation
    Task {
      for await job in jobs { await job() }
    }
  }

  package func add(_ job: @escaping @Sendable () async -> Void) {
    continuation.yield(job)
  }

  /// Jobs that were added before still run.
  package func close() {
    continuation.finish()
  }
}
