import ActionableErrors
import Foundation
import Testing

@testable import DurableFiles

final class DurableFilesTests {
  private let folder = NSTemporaryDirectory() + "durable-\(UUID().uuidString)"

  init() throws { try DurableFiles.createFolder(folder) }

  deinit { try? DurableFiles.remove(folder) }

  @Test("a file is replaced whole, and nothing is left beside it")
  func replaces() throws {
    try DurableFiles.write("one", to: "\(folder)/a")
    try DurableFiles.write("two, longer", to: "\(folder)/a")
    #expect(try String(decoding: DurableFiles.read("\(folder)/a"), as: UTF8.self) == "two, longer")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0 != "a" } == [])
  }

  @Test("a path may be relative, and one character long", arguments: ["a", "./a", "a.b"])
  func relative(name: String) throws {
    let before = FileManager.default.currentDirectoryPath
    #expect(FileManager.default.changeCurrentDirectoryPath(folder))
    defer { _ = FileManager.default.changeCurrentDirectoryPath(before) }
    try DurableFiles.write([1], to: name)
    try DurableFiles.remove(name)
    try DurableFiles.writeFolder(name) { try DurableFiles.write([2], to: "\($0)/x") }
    #expect(try DurableFiles.read("\(name)/x") == [2])
  }

  @Test("a folder whose filling fails leaves the old one as it was")
  func folderFails() throws {
    struct Stop: Error {}
    try DurableFiles.writeFolder("\(folder)/model") { try DurableFiles.write("old", to: "\($0)/x") }
    #expect(throws: Stop.self) {
      try DurableFiles.writeFolder("\(folder)/model") { aside in
        try DurableFiles.write("new", to: "\(aside)/x")
        throw Stop()
      }
    }
    #expect(try String(decoding: DurableFiles.read("\(folder)/model/x"), as: UTF8.self) == "old")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["model"])
  }

  @Test("parts of a file are read as asked, and nothing past its end")
  func parts() throws {
    try DurableFiles.write([1, 2, 3, 4, 5], to: "\(folder)/b")
    #expect(try DurableFiles.read("\(folder)/b", offset: 1, count: 2) == [2, 3])
    #expect(try DurableFiles.read("\(folder)/b", offset: 3, count: 9) == [4, 5])
    #expect(try DurableFiles.read("\(folder)/b", offset: 5, count: 1) == [])
  }

  @Test("what cannot be read is named", arguments: [("missing", "file.missing"), ("", "file.not-regular")])
  func refusals(name: String, code: String) {
    let error = #expect(throws: FileError.self) { try DurableFiles.read("\(folder)/\(name)") }
    #expect(error?.code == code)
    #expect(error?.message.contains(folder) == true)
  }

  @Test("a file over its limit is refused before it is read")
  func limit() throws {
    try DurableFiles.write([UInt8](repeating: 7, count: 100), to: "\(folder)/c")
    #expect(throws: FileError.self) { try DurableFiles.read("\(folder)/c", limit: 99) }
  }

  @Test("SHA-256 is that of FIPS 180-4, whole and in pieces")
  func sha256() {
    let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    #expect(SHA256Digest(of: Array("abc".utf8)).description == known)
    var hasher = SHA256Hasher()
    for part in ["a", "", "bc"] { hasher.update(part) }
    #expect(hasher.finish() == SHA256Digest(hex: known))
    #expect(SHA256Digest(hex: known.dropLast()) == nil)
    #expect(SHA256Digest(hex: known.dropLast() + "g") == nil)
    #expect(SHA256Digest(bytes: [1, 2, 3]) == nil)
  }
}
