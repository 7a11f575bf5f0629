internal import CCurl
internal import Foundation
internal import Synchronization

/// Sends POST requests, many at once over connections that are used again, from one thread of its own. Redirects are not
/// followed, and a response is no longer than its request allows.
///
/// libcurl does the work; this is its multi interface with a mailbox in front.
//
// @unchecked: `multi`, `transfers` and all transfers are touched by the client's thread alone, but for `curl_multi_wakeup`,
// which any thread may call.
package final class HTTPClient: @unchecked Sendable {
  private enum Order {
    case send(Transfer)
    case cancel(UInt64)
  }

  private struct Inbox {
    var orders: [Order] = []
    var isClosed = false
  }

  private let multi: OpaquePointer
  private let inbox = Mutex(Inbox())
  private var transfers: [OpaquePointer: Transfer] = [:]

  /// - Parameter connections: at once, to any host; more requests wait for one.
  package init(connections: Int) {
    Self.initialise
    guard let multi = curl_multi_init() else { fatalError("out of memory for an HTTP client") }
    self.multi = OpaquePointer(multi)
    curl_set_multi_number(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, connections)
    let thread = Thread { self.run() }
    thread.name = "http"
    thread.start()
  }

  private static let initialise: Void = { curl_global_init(Int(CURL_GLOBAL_DEFAULT)) }()

  /// - Parameters:
  ///   - number: by which it can be cancelled; each once.
  ///   - completion: called once, on the client's thread, unless the request is cancelled or the client closed.
  package func send(_ request: HTTPRequest, number: UInt64, completion: @escaping @Sendable (HTTPOutcome) -> Void) {
    give(.send(Transfer(request, number: number, completion)))
  }

  /// Closes the connection that the request uses, if there is one; `completion` is not called any more.
  package func cancel(_ number: UInt64) { give(.cancel(number)) }

  /// Cancels everything and ends the thread.
  package func close() { give(nil) }

  /// - Parameter order: nil closes the client.
  private func give(_ order: Order?) {
    inbox.withLock { inbox in
      guard !inbox.isClosed else { return }
      if let order { inbox.orders.append(order) } else { inbox.isClosed = true }
      // Under the lock, because the thread frees what this wakes once it has seen that the client is closed.
      curl_multi_wakeup(UnsafeMutableRawPointer(multi))
    }
  }

  // MARK: The client's thread

  private func run() {
    let multi = UnsafeMutableRawPointer(multi)
    while true {
      let (orders, isClosed) = inbox.withLock { inbox in
        defer { inbox.orders = [] }
        return (inbox.orders, inbox.isClosed)
      }
      if isClosed { break }
      for order in orders { obey(order) }
      var running: Int32 = 0
      curl_multi_perform(multi, &running)
      finishTransfers()
      // Woken by an order, by a socket, or by libcurl's own timers.
      curl_multi_poll(multi, nil, 0, 10_000, nil)
    }
    for easy in transfers.keys { drop(easy) }
    curl_multi_cleanup(multi)
  }

  private func obey(_ order: Order) {
    switch order {
    case .cancel(let number):
      if let easy = transfers.first(where: { $0.value.number == number })?.key { drop(easy) }
    case .send(let transfer):
      guard let easy = transfer.begin() else {
        return transfer.completion(.unreachable(reason: "the request cannot be prepared: is \(transfer.request.url) an address?"))
      }
      transfers[easy] = transfer
      let result = curl_multi_add_handle(UnsafeMutableRawPointer(multi), UnsafeMutableRawPointer(easy))
      guard result == CURLM_OK else {
        drop(easy)
        return transfer.completion(.unreachable(reason: String(cString: curl_multi_strerror(result))))
      }
    }
  }

  private func finishTransfers() {
    var left: Int32 = 0
    while let message = curl_multi_info_read(UnsafeMutableRawPointer(multi), &left) {
      guard message.pointee.msg == CURLMSG_DONE, let handle = message.pointee.easy_handle else { continue }
      let easy = OpaquePointer(handle)
      let result = curl_message_result(message)
      guard let transfer = transfers[easy] else { continue }
      let outcome = transfer.outcome(result)
      drop(easy)
      transfer.completion(outcome)
    }
  }

  private func drop(_ easy: OpaquePointer) {
    curl_multi_remove_handle(UnsafeMutableRawPointer(multi), UnsafeMutableRawPointer(easy))
    transfers.removeValue(forKey: easy)?.end()
  }
}

/// One request on its way. Once handed over, it belongs to the client's thread.
private final class Transfer: @unchecked Sendable {
  let request: HTTPRequest
  let number: UInt64
  let completion: @Sendable (HTTPOutcome) -> Void
  private let givenAt = ContinuousClock.now
  private var easy: UnsafeMutableRawPointer?
  private var headerList: UnsafeMutablePointer<curl_slist>?
  private var body: [UInt8] = []
  private var headers: [String: String] = [:]
  private var isTooLarge = false

  init(_ request: HTTPRequest, number: UInt64, _ completion: @escaping @Sendable (HTTPOutcome) -> Void) {
    self.request = request
    self.number = number
    self.completion = completion
  }

  /// - Returns: nil if libcurl does not take the request.
  func begin() -> OpaquePointer? {
    guard let easy = curl_easy_init() else { return nil }
    self.easy = easy
    for (name, value) in request.headers { headerList = curl_slist_append(headerList, "\(name): \(value)") }
    // Without this libcurl waits a second for a word from the server before it sends a body of more than 1 MiB.
    headerList = curl_slist_append(headerList, "Expect:")
    let left = request.deadline - (ContinuousClock.now - givenAt)
    let milliseconds = max(1, Int(left / .milliseconds(1)))
    let context = Unmanaged.passUnretained(self).toOpaque()
    let results = [
      curl_set_text(easy, CURLOPT_URL, request.url),
      curl_set_text(easy, CURLOPT_PROTOCOLS_STR, "http,https"),
      curl_set_number(easy, CURLOPT_POST, 1),
      curl_set_number(easy, CURLOPT_POSTFIELDSIZE, request.body.count),
      request.body.withUnsafeBytes { curl_set_pointer(easy, CURLOPT_COPYPOSTFIELDS, $0.baseAddress) },
      curl_set_pointer(easy, CURLOPT_HTTPHEADER, headerList),
      curl_set_number(easy, CURLOPT_TIMEOUT_MS, milliseconds),
      curl_set_number(easy, CURLOPT_NOSIGNAL, 1),
      curl_set_text(easy, CURLOPT_NOPROXY, Self.withoutProxy),
      curl_set_pointer(easy, CURLOPT_WRITEDATA, context),
      curl_set_callback(easy, CURLOPT_WRITEFUNCTION, { bytes, _, count, context in
        guard let bytes, let context else { return 0 }
        return Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
          .take(UnsafeRawBufferPointer(start: bytes, count: count)) ? count : 0
      }),
      curl_set_pointer(easy, CURLOPT_HEADERDATA, context),
      curl_set_callback(easy, CURLOPT_HEADERFUNCTION, { bytes, one, count, context in
        guard let bytes, let context else { return 0 }
        let line = String(decoding: UnsafeRawBufferPointer(start: bytes, count: one * count), as: UTF8.self)
        Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue().take(headerLine: line)
        return one * count
      }),
    ]
    guard results.allSatisfy({ $0 == CURLE_OK }) else {
      end()
      return nil
    }
    return OpaquePointer(easy)
  }

  /// This machine, and what the environment says: the option takes the place of that.
  private static let withoutProxy: String = {
    let environment = ProcessInfo.processInfo.environment
    return ["localhost,127.0.0.1,::1", environment["no_proxy"] ?? environment["NO_PROXY"] ?? ""].filter { !$0.isEmpty }.joined(separator: ",")
  }()

  /// Frees what libcurl holds.
  func end() {
    if let easy { curl_easy_cleanup(easy) }
    if let headerList { curl_slist_free_all(headerList) }
    (easy, headerList) = (nil, nil)
  }

  private func take(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard bytes.count <= request.responseLimit - body.count else {
      isTooLarge = true
      return false
    }
    body.append(contentsOf: bytes)
    return true
  }

  private func take(headerLine line: String) {
    // A status line begins a new response: one to HTTP 100, say, comes before the last.
    if line.hasPrefix("HTTP/") { headers = [:] }
    guard let colon = line.firstIndex(of: ":"), headers.count < 100 else { return }
    headers[line[..<colon].lowercased()] = line[line.index(after: colon)...].trimmingCharacters(in: .whitespacesAndNewlines)
  }

  func outcome(_ result: CURLcode) -> HTTPOutcome {
    switch result {
    case CURLE_OK:
      var status = 0
      if let easy { curl_read_number(easy, CURLINFO_RESPONSE_CODE, &status) }
      return .response(HTTPResponse(status: status, headers: headers, body: body))
    case CURLE_OPERATION_TIMEDOUT: return .timedOut
    case CURLE_WRITE_ERROR where isTooLarge:
      return .unreachable(reason: "the answer is longer than \(request.responseLimit) bytes")
    default: return .unreachable(reason: String(cString: curl_easy_strerror(result)))
    }
  }
}
