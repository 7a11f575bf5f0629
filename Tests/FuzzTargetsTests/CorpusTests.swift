import Foundation
import Testing

@testable import FuzzTargets

/// Every input that was once worth keeping, seeds and crashes alike, through what fuzzing runs.
@Suite struct CorpusTests {
  @Test("everything in the corpus decodes or is refused, and some of it decodes", arguments: FuzzTarget.all.map(\.name))
  func corpusOfTarget(_ name: String) throws {
    let target = try #require(FuzzTarget.all.first { $0.name == name })
    let inputs = try Corpus.inputs(of: name)
    try #require(!inputs.isEmpty)
    var accepted = 0
    for (file, bytes) in inputs {
      #expect(bytes.count <= target.maximumLength, "\(name)/\(file) is longer than any input")
      if target.run(bytes) { accepted += 1 }
    }
    #expect(accepted > 0, "no input of \(name) reaches beyond the first check")
  }

  @Test("each target has a corpus and each corpus a target")
  func corporaAreThoseOfTargets() throws {
    #expect(try Corpus.names() == FuzzTarget.all.map(\.name).sorted())
    #expect(Set(FuzzTarget.all.map(\.name)).count == FuzzTarget.all.count)
  }

  @Test("each dictionary that a target names is there, and made of quoted words", arguments: FuzzTarget.all.map(\.name))
  func dictionaryOfTarget(_ name: String) throws {
    guard let dictionary = FuzzTarget.all.first(where: { $0.name == name })?.dictionary else { return }
    let text = try String(contentsOfFile: "\(Corpus.folder)/../Dictionaries/\(dictionary).dict", encoding: .utf8)
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
      #expect(line.hasPrefix("\"") && line.hasSuffix("\"") && line.utf8.count > 2, "\(dictionary): \(line)")
    }
  }

  @Test("the corpus is small enough to be read with the source")
  func corpusIsSmall() throws {
    let sizes = try Corpus.names().flatMap { try Corpus.inputs(of: $0).map(\.bytes.count) }
    #expect(sizes.reduce(0, +) < 500_000)
  }
}
