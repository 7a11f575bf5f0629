import ActionableErrors
import Foundation
import Testing
import ZeroMQ

@Suite("CURVE keys")
struct KeysTests {
  private func inFolder(_ body: (String) throws -> Void) throws {
    let folder = NSTemporaryDirectory() + "keys-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(folder)
  }

  @Test("a pair comes back from its files, the secret one readable by its owner only")
  func files() throws {
    try inFolder { folder in
      let pair = try KeyPair.generate()
      try pair.write(to: folder + "/worker.key")
      #expect(try KeyPair(file: folder + "/worker.key").publicKey == pair.publicKey)
      #expect(try PublicKey(file: folder + "/worker.key.pub") == pair.publicKey)
      let mode = try FileManager.default.attributesOfItem(atPath: folder + "/worker.key")[.posixPermissions] as? Int
      #expect(mode == 0o600)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["worker.key", "worker.key.pub"])
    }
  }

  @Test("a key that is there is never written over")
  func noOverwriting() throws {
    try inFolder { folder in
      let first = try KeyPair.generate()
      try first.write(to: folder + "/a.key")
      let error = #expect(throws: (any Error).self) { try KeyPair.generate().write(to: folder + "/a.key") }
      #expect((error as? any ActionableError)?.code == "file.exists")
      #expect(try KeyPair(file: folder + "/a.key").publicKey == first.publicKey)
    }
  }

  @Test("a secret key that others can read is refused")
  func exposed() throws {
    try inFolder { folder in
      try KeyPair.generate().write(to: folder + "/a.key")
      try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: folder + "/a.key")
      let error = #expect(throws: ZeroMQError.self) { try KeyPair(file: folder + "/a.key") }
      #expect(error?.code == "zeromq.key-exposed")
    }
  }

  @Test("what is no key is refused", arguments: [
    "", "short", String(repeating: "~", count: 40), String(repeating: "#", count: 40),
    String(repeating: "é", count: 20), String(repeating: "0", count: 41),
  ])
  func notAKey(text: String) throws {
    #expect(PublicKey(z85: text) == nil)
    try inFolder { folder in
      let isMade = FileManager.default.createFile(
        atPath: folder + "/a.key", contents: Data(text.utf8), attributes: [.posixPermissions: 0o600])
      #expect(isMade)
      let error = #expect(throws: ZeroMQError.self) { try KeyPair(file: folder + "/a.key") }
      #expect(error?.code == "zeromq.not-a-key")
    }
  }

  // RFC 32's own test vector, padded to the length of a key by repetition of its 8 bytes.
  @Test("Z85 is that of RFC 32")
  func z85() {
    let bytes: [UInt8] = [0x86, 0x4F, 0xD2, 0x6F, 0xB5, 0x59, 0xF7, 0x5B]
    let key = PublicKey(bytes: bytes + bytes + bytes + bytes)
    #expect(key?.z85 == String(repeating: "HelloWorld", count: 4))
    #expect(PublicKey(z85: String(repeating: "HelloWorld", count: 4)) == key)
  }

  @Test("the secret half appears in no description")
  func redacted() throws {
    try inFolder { folder in
      let pair = try KeyPair.generate()
      try pair.write(to: folder + "/a.key")
      let secret = try String(contentsOfFile: folder + "/a.key", encoding: .utf8).prefix(40)
      var dumped = ""
      dump(pair, to: &dumped)
      for text in ["\(pair)", String(reflecting: pair), dumped] { #expect(!text.contains(secret)) }
      #expect("\(pair)".contains(pair.publicKey.fingerprint))
      #expect(pair.publicKey.fingerprint.count == 19)
    }
  }
}
