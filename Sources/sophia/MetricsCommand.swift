internal import ActionableErrors
internal import ArgumentParser
internal import Dashboard
internal import Foundation
internal import HTTPServer
internal import Limits
internal import Runs

struct MetricsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "metrics",
    abstract: "Serves the state of a cluster to Prometheus.",
    discussion: """
      An observer of the run: it may come and go, and several may look at one learner.

        sophia metrics --join tcp://10.0.0.1:5555 --keys eyes.invite --listen 127.0.0.1:9464

      /metrics    Prometheus' text format. sophia_up is 0, and everything but the age of the last answer is left out, while the
                  learner does not answer.
      /healthz    200 while the learner's last answer is young enough, 503 and a line that says why while it is not

      What it serves is neither encrypted nor protected by a key: listen where only those can reach it who may know.
      """)

  @OptionGroup var observer: ObserverArguments

  @Option(help: "Where to serve: ADDRESS:PORT, an IPv6 address in brackets; port 0 takes any free one.")
  var listen = "127.0.0.1:9464"

  @Option(help: "Seconds between two questions to the learner.")
  var every = 2.0

  @Option(help: "Seconds for which an answer of the learner counts.")
  var freshness = 10.0

  @Option(help: "Workers that get series of their own, at most; 0 leaves them out.")
  var workerSeries = 1000

  func validate() throws {
    guard every.isFinite, 0.1...3600 ~= every else { throw ValidationError("--every is \(every); give 0.1 to 3600") }
    guard freshness.isFinite, freshness > every else {
      throw ValidationError("--freshness is \(freshness); give more than the \(every) s between two questions")
    }
    let limit = Limits.standard.messages.peers
    guard 0...limit ~= workerSeries else { throw ValidationError("--worker-series is \(workerSeries); give 0 to \(limit)") }
    guard ListenAddress(listen) != nil else { throw ValidationError("--listen is \(listen); give ADDRESS:PORT") }
  }

  func run() async throws {
    guard let address = ListenAddress(listen) else { return }
    let watch = try await observer.watch()
    let clock = ContinuousClock()
    let start = clock.now
    let now: @Sendable () -> Double = { (clock.now - start) / .seconds(1) }
    let pages = MetricsPages(freshness: freshness, workerSeries: workerSeries, at: now())
    let limits = Limits.standard.texts
    let server: HTTPServer
    do {
      server = try HTTPServer(
        address: address.host, port: address.port, name: "metrics",
        bounds: HTTPServerBounds(
          connections: limits.metricsConnections, head: limits.requestHead, body: 0, seconds: Double(limits.metricsPatience))
      ) { request, connection in
        let response = Self.response(to: request, pages, at: now())
        return connection.send(request.method == "HEAD" ? Array(response.head.utf8) : response.bytes)
      }
    } catch {
      await watch.close()
      throw error
    }
    logLine(.info, "serving http://\(address.shown(port: server.port))/metrics and /healthz; Ctrl-C stops it")
    let asking = Task {
      while !Task.isCancelled {
        do {
          pages.receive(try await watch.cluster(), at: now())
        } catch {
          pages.receive(trouble: (error as? any ActionableError)?.description ?? "\(error)")
        }
        try? await Task.sleep(for: .seconds(every))
      }
    }
    let interruption = Interruption()
    await withCheckedContinuation { continuation in interruption.onRequest { _ in continuation.resume() } }
    asking.cancel()
    server.close()
    await watch.close()
  }

  private static func response(to request: HTTPServerRequest, _ pages: MetricsPages, at now: Double) -> HTTPServerResponse {
    let plain = "text/plain; charset=utf-8"
    guard request.method == "GET" || request.method == "HEAD" else {
      return HTTPServerResponse(status: 405, type: plain, headers: [("Allow", "GET, HEAD")], body: "there is only something to get here\n")
    }
    switch request.path {
    case "/metrics": return HTTPServerResponse(status: 200, type: MetricsPages.contentType, body: pages.metrics(at: now))
    case "/healthz":
      let health = pages.health(at: now)
      return HTTPServerResponse(status: health.isGood ? 200 : 503, type: plain, body: health.line)
    default: return HTTPServerResponse(status: 404, type: plain, body: "there are /metrics and /healthz here\n")
    }
  }
}

/// `127.0.0.1:9464`, `[::1]:9464`.
struct ListenAddress: Hashable {
  let host: String
  let port: UInt16

  init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else { return nil }
    let host = text[..<colon]
    let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
    guard !host.isEmpty, isBracketed || !host.contains(":") else { return nil }
    self.host = String(isBracketed ? host.dropFirst().dropLast() : host)
    self.port = port
  }

  func shown(port: UInt16) -> String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
