import Foundation
import Testing
@testable import ZeroMQ

@Suite("Messages of any size without a copy on the sending side", .serialized)
struct MessageTests {
  @Test("a message is the sender's own buffer: libzmq has its address", arguments: [512, 4096, 100 << 20])
  func sameAddress(size: Int) {
    let bytes = [UInt8](repeating: 7, count: size)
    let message = Message(bytes)
    let original = bytes.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
    let held = message.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
    #expect(held == original)
  }

  @Test("writing to the array afterwards does not change the message")
  func copyOnWrite() {
    var bytes = [UInt8](repeating: 7, count: 4096)
    let message = Message(bytes)
    bytes[0] = 8
    #expect(message.bytes == [UInt8](repeating: 7, count: 4096))
  }

  @Test("100 MB cross a TCP connection and the process grows by the receiver's copy alone")
  func hundredMegabytes() throws {
    let size = 100 << 20
    let context = try ZeroMQContext()
    let options = SocketOptions.with { $0.limits = MessageLimits(frameBytes: size, messageBytes: size) }
    let pull = try Socket<Pull>(context, options)
    let endpoint = try pull.bind("tcp://127.0.0.1:*")
    let push = try Socket<Push>(context, options)
    try push.connect(endpoint)
    let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    try resetPeak()
    let before = try residentPeak()
    try push.send([Message(bytes)], within: patience)
    let received = try #require(try pull.receive(within: patience).message)
    let growth = try residentPeak() - before
    #expect(received.frames[0].withUnsafeBytes { $0.elementsEqual(bytes) })
    #expect(growth > size / 2, "the receiver's copy was not measured")
    #expect(growth < size * 17 / 10, "the sender copied: \(growth >> 20) MiB")
  }

  @Test("what a message was made from lives until the network has it, and no longer")
  func ownership() throws {
    final class Owner: Sendable {
      let freed: @Sendable () -> Void
      init(_ freed: @escaping @Sendable () -> Void) { self.freed = freed }
      deinit { freed() }
    }
    let gate = DispatchSemaphore(value: 0)
    let context = try ZeroMQContext()
    let pull = try Socket<Pull>(context, SocketOptions())
    let endpoint = try pull.bind("tcp://127.0.0.1:*")
    let push = try Socket<Push>(context, SocketOptions())
    try push.connect(endpoint)
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
    memory.initializeMemory(as: UInt8.self, repeating: 9)
    nonisolated(unsafe) let freed = memory
    let owner = Owner {
      freed.deallocate()
      gate.signal()
    }
    try push.send([Message(sharing: UnsafeRawBufferPointer(memory), owner: owner)], within: patience)
    let received = try #require(try pull.receive(within: patience).message)
    #expect(received.frames[0].withUnsafeBytes { $0.count == 1 << 20 && $0.allSatisfy { $0 == 9 } })
    withExtendedLifetime(owner) { #expect(gate.wait(timeout: .now()) == .timedOut) }
    _ = consume owner
    #expect(gate.wait(timeout: .now() + 20) == .success)
  }

  @Test("one message may be sent to many, from many threads at once")
  func sharedAmongThreads() throws {
    let context = try ZeroMQContext()
    let message = Message((0..<100_000).map { UInt8(truncatingIfNeeded: $0) })
    DispatchQueue.concurrentPerform(iterations: 8) { thread in
      do {
        let pull = try Socket<Pull>(context, SocketOptions())
        try pull.bind("inproc://shared-\(thread)")
        let push = try Socket<Push>(context, SocketOptions())
        try push.connect("inproc://shared-\(thread)")
        for _ in 0..<200 {
          try push.send([message], within: patience)
          let copy = try pull.receive(within: patience).message
          #expect(copy?.byteCount == 100_000)
        }
      } catch {
        Issue.record(error)
      }
    }
    #expect(message.bytes == (0..<100_000).map { UInt8(truncatingIfNeeded: $0) })
  }

  private func resetPeak() throws {
    try "5".write(toFile: "/proc/self/clear_refs", atomically: false, encoding: .utf8)
  }

  /// Bytes.
  private func residentPeak() throws -> Int {
    let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
    return try #require(Int(line.split(separator: " ").dropFirst().first ?? "")) << 10
  }
}
