import ZeroMQ

/// Longer than anything here takes on a busy machine.
let patience = Duration.seconds(20)

extension Multipart {
  var texts: [String] { frames.map { String(decoding: $0.bytes, as: UTF8.self) } }

  init(texts: [String]) {
    self.init(texts.map { Message($0) })
  }
}

extension Reception {
  var message: Multipart? {
    if case .message(let message) = self { message } else { nil }
  }
}

extension SocketOptions {
  static func with(_ change: (inout SocketOptions) -> Void) -> SocketOptions {
    var options = SocketOptions()
    change(&options)
    return options
  }
}

/// Runs `body` with a loop and stops it afterwards, however `body` ends.
func withLoop<Result>(_ body: (PollLoop) async throws -> Result) async throws -> Result {
  let loop = try PollLoop(context: ZeroMQContext())
  do {
    let result = try await body(loop)
    try await loop.stop()
    return result
  } catch {
    try? await loop.stop()
    throw error
  }
}

extension PollLoop {
  /// Runs `body` on the loop's thread.
  func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
      submit { continuation.resume(with: .init(catching: body)) }
    }
  }
}

/// A value that a poll loop's thread writes and a test waits for.
final class Inbox<Element: Sendable>: Sendable {
  let stream: AsyncStream<Element>
  let continuation: AsyncStream<Element>.Continuation

  init() {
    (stream, continuation) = AsyncStream.makeStream(of: Element.self)
  }

  func put(_ element: Element) {
    continuation.yield(element)
  }

  /// The next `count` elements, or fewer if they do not come in time.
  func take(_ count: Int, within limit: Duration = patience) async -> [Element] {
    await withTaskGroup(of: [Element]?.self) { group in
      group.addTask { [stream] in
        var elements: [Element] = []
        for await element in stream {
          elements.append(element)
          if elements.count == count { break }
        }
        return elements
      }
      group.addTask {
        try? await Task.sleep(for: limit)
        return nil
      }
      let first = await group.next() ?? nil
      group.cancelAll()
      if let first { return first }
      return (await group.next() ?? nil) ?? []
    }
  }
}

/// Throw-away keys of two peers.
let keys = (server: makeKeys(), client: makeKeys())

private func makeKeys() -> KeyPair {
  do { return try KeyPair.generate() } catch { fatalError("\(error)") }
}

extension Message: ExpressibleByStringLiteral {
  public convenience init(stringLiteral text: String) {
    self.init(text)
  }
}

/// A channel that a test carries from one visit of the loop's thread to the next.
///
/// Sendable because tests open it on the loop's thread only.
struct OnLoop<Value>: @unchecked Sendable {
  let value: Value
}
