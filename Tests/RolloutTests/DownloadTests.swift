import Testing

@testable import Rollout

@Suite("A download")
struct DownloadTests {
  private static let source = Fetch.Source.weights(version: 1)
  private static let settings = TransferSettings(
    chunk: 10, window: 4, patience: .seconds(1), target: .milliseconds(100))
  private static let start = Instant(nanoseconds: 0)

  private let bytes = (0..<95).map { UInt8($0) }

  private func chunk(_ fetch: Fetch) -> Chunk {
    Chunk(source: fetch.source, offset: fetch.offset, payload: Payload(bytes[fetch.offset..<fetch.offset + fetch.count]))
  }

  private func download() -> Download {
    Download(source: Self.source, byteCount: bytes.count, settings: Self.settings)
  }

  @Test("asks for every chunk once, the last one shorter, and has all bytes in their places")
  func whole() {
    var download = download()
    var asked: [Fetch] = []
    while !download.isComplete {
      let due = download.due(at: Self.start)
      asked += due
      for fetch in due.reversed() { #expect(download.take(chunk(fetch), at: Self.start) == true) }
    }
    #expect(download.bytes == bytes)
    #expect(asked.map(\.offset) == Array(stride(from: 0, to: 95, by: 10)) && asked.last?.count == 5)
  }

  @Test("never has more asked for than its window, which grows while chunks come soon and shrinks while they come late")
  func window() {
    var settings = Self.settings
    settings.patience = .seconds(60)
    var download = Download(source: Self.source, byteCount: 10_000, settings: settings)
    func chunk(_ fetch: Fetch) -> Chunk {
      Chunk(source: fetch.source, offset: fetch.offset, payload: Payload([UInt8](repeating: 0, count: fetch.count)))
    }
    var now = Self.start
    var open: [Fetch] = []
    var windows: [Int] = []
    for turn in 0..<40 {
      open += download.due(at: now)
      #expect(open.count <= download.window && download.window <= 4)
      windows.append(download.window)
      now = now + (turn < 20 ? .milliseconds(10) : .milliseconds(500))
      _ = download.take(chunk(open.removeFirst()), at: now)
    }
    #expect(windows[0] == 1 && windows[19] == 4 && windows[39] == 1)
  }

  @Test("asks again for what has not come in time, less and less soon, and then has room for one chunk less at a time")
  func patience() {
    var download = download()
    _ = download.take(chunk(download.due(at: Self.start)[0]), at: Self.start)
    #expect(download.due(at: Self.start).count == 2)
    var asked: [Int] = []
    for second in 1...40 where !download.due(at: Self.start + .seconds(Double(second) + 0.5)).isEmpty { asked.append(second) }
    #expect(asked == [1, 4, 9, 18, 35] && download.window == 1)
  }

  @Test("what was not asked for, does not fit or has come already changes nothing")
  func strange() {
    var download = download()
    let wrong = [
      Chunk(source: .weights(version: 2), offset: 0, payload: Payload(bytes[0..<10])),
      Chunk(source: .delta(version: 1), offset: 0, payload: Payload(bytes[0..<10])),
      Chunk(source: Self.source, offset: 5, payload: Payload(bytes[5..<15])),
      Chunk(source: Self.source, offset: 0, payload: Payload(bytes[0..<9])),
      Chunk(source: Self.source, offset: 90, payload: Payload(bytes[80..<90])),
      Chunk(source: Self.source, offset: 100, payload: [1]),
    ]
    for chunk in wrong { #expect(download.take(chunk, at: Self.start) == false) }
    let good = Chunk(source: Self.source, offset: 20, payload: Payload(bytes[20..<30]))
    #expect(download.take(good, at: Self.start) == true)
    #expect(download.take(good, at: Self.start) == false)
  }

  @Test("collects in memory that it is given, if that is as large, and leaves a copy of it that others hold as it was")
  func memory() {
    for count in [bytes.count, bytes.count - 1] {
      let memory = [UInt8](repeating: 200, count: count)
      var download = Download(source: Self.source, byteCount: bytes.count, settings: Self.settings, in: memory)
      while !download.isComplete {
        for fetch in download.due(at: Self.start) { _ = download.take(chunk(fetch), at: Self.start) }
      }
      #expect(download.bytes == bytes && memory.allSatisfy { $0 == 200 })
    }
  }

  @Test("of nothing is complete at once")
  func empty() {
    var download = Download(source: Self.source, byteCount: 0, settings: Self.settings)
    #expect(download.isComplete && download.due(at: Self.start).isEmpty && download.bytes.isEmpty)
  }

  @Test("is complete whatever the network loses, repeats and reorders", arguments: 1...50)
  func faults(seed: UInt64) {
    var draws = Draws(seed: seed)
    var download = download()
    var now = Self.start
    var answers: [Fetch] = []
    var asked = 0
    while !download.isComplete, asked < 10_000 {
      now = now + .milliseconds(50)
      for fetch in download.due(at: now) {
        asked += 1
        for _ in 0..<(draws.chance(0.3) ? 0 : draws.chance(0.3) ? 2 : 1) { answers.append(fetch) }
      }
      while !answers.isEmpty, draws.chance(0.5) {
        _ = download.take(chunk(answers.remove(at: draws.below(answers.count))), at: now)
      }
    }
    #expect(download.bytes == bytes)
  }
}
