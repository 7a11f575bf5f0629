import Foundation
import Testing

@testable import Torch

@Suite struct SafetensorsTests {
  @Test("a file that Python wrote is read")
  func fromPython() throws {
    let file = try SafetensorsFile(fixture("python.safetensors"))
    #expect(file.metadata == ["format": "pt"])
    #expect(file.names.count == 8)
    #expect(try file.tensor("matrix", shape: [2, 3]).floats() == [1.5, -2, 3.25, 0, 1e-3, -7])
    #expect(try file.tensor("half").floats() == [1, -0.5] && file.dtype(of: "half") == .float16)
    #expect(try file.tensor("brain").floats() == [3, -2] && file.dtype(of: "brain") == .bfloat16)
    #expect(try file.tensor("whole").values() == [1 << 40, -3])
    #expect(try file.tensor("flags").values() == [true, false, true])
    #expect(try file.tensor("scalar", shape: []).item() == 4)
    #expect(try file.tensor("nothing").shape == [0, 5])
    #expect(try file.tensor("näme \"quoted\"").item() == 9)
  }

  @Test("what is written is read again, and the same tensors give the same bytes in any order")
  func roundTrip() throws {
    try withTemporaryFolder { folder in
      let tensors: [(name: String, tensor: Tensor)] = [
        ("b/\"x\"", try tensor([2, 3])), ("a", try tensor([4]).cast(to: .bfloat16)), ("c", try Tensor([1, 2, 3] as [UInt8])),
        ("empty", try Tensor.zeros([0, 3])), ("view", try tensor([3, 2]).transposed(0, 1)),
      ]
      try SafetensorsWriter.write(tensors, to: folder + "/one")
      try SafetensorsWriter.write(tensors.reversed(), to: folder + "/two")
      let file = try SafetensorsFile(folder + "/one")
      for (name, tensor) in tensors {
        let read = try file.tensor(name, shape: tensor.shape)
        #expect(read.dtype == tensor.dtype)
        #expect(try read.values(as: Double.self) == tensor.values(as: Double.self))
      }
      let one = try Data(contentsOf: URL(fileURLWithPath: folder + "/one"))
      #expect(try one == Data(contentsOf: URL(fileURLWithPath: folder + "/two")))
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["one", "two"])
    }
  }

  @Test("a missing tensor and a wrong shape are refused by file and name")
  func refusedByName() throws {
    let path = fixture("python.safetensors")
    let file = try SafetensorsFile(path)
    let missing = #expect(throws: TorchError.self) { try file.tensor("other") }
    #expect(missing?.code == "safetensors.missing" && missing?.message == "\(path) has no tensor other")
    let shape = #expect(throws: TorchError.self) { try file.tensor("matrix", shape: [3, 2]) }
    #expect(shape?.code == "safetensors.shape")
    #expect(shape?.message == "\(path): tensor matrix has the shape [2, 3], not [3, 2]")
  }

  /// A header, the length it declares (its own if nil) and the bytes after it.
  struct Hostile: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let header: String
    var length: UInt64?
    var data = 8
  }

  @Test(
    "a hostile header is refused, and nothing else happens",
    arguments: [
      Hostile(testDescription: "length 2^60", header: "{}", length: 1 << 60),
      Hostile(testDescription: "length 2^64 - 1", header: "{}", length: .max),
      Hostile(testDescription: "length 2^63", header: "{}", length: 1 << 63),
      Hostile(testDescription: "length past the end", header: "{}", length: 11),
      Hostile(testDescription: "length 0", header: "", data: 0),
      Hostile(testDescription: "no JSON", header: "{\"a\":"),
      Hostile(testDescription: "no object", header: "[1, 2]"),
      Hostile(testDescription: "deep", header: String(repeating: "{\"a\":", count: 100_000)),
      Hostile(testDescription: "not UTF-8 when cut", header: "{\"\u{0}\":1}"),
      Hostile(testDescription: "unknown dtype", header: #"{"a":{"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]}}"#),
      Hostile(testDescription: "negative length", header: #"{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#),
      Hostile(testDescription: "two negative lengths", header: #"{"a":{"dtype":"F32","shape":[-1,-2],"data_offsets":[0,8]}}"#),
      Hostile(testDescription: "overflow", header: #"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}}"#),
      Hostile(testDescription: "overflow to 0", header: #"{"a":{"dtype":"F32","shape":[4611686018427387904,0],"data_offsets":[0,0]}}"#, data: 0),
      Hostile(testDescription: "beyond 64 bits", header: #"{"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,8]}}"#),
      Hostile(testDescription: "fraction", header: #"{"a":{"dtype":"F32","shape":[2.5],"data_offsets":[0,8]}}"#),
      Hostile(testDescription: "true as a length", header: #"{"a":{"dtype":"F32","shape":[true],"data_offsets":[0,4]}}"#, data: 4),
      Hostile(testDescription: "offsets past the end", header: #"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}"#),
      Hostile(testDescription: "offsets swapped", header: #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#),
      Hostile(testDescription: "negative offset", header: #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}"#),
      Hostile(testDescription: "three offsets", header: #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,8]}}"#),
      Hostile(testDescription: "shape too small", header: #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}"#),
      Hostile(testDescription: "overlap", header: #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#),
      Hostile(testDescription: "gap", header: #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#),
      Hostile(testDescription: "bytes left over", header: #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#),
      Hostile(testDescription: "one name twice", header: #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#),
      Hostile(testDescription: "metadata is no text", header: #"{"__metadata__":{"a":1}}"#, data: 0),
      Hostile(testDescription: "seventeen dimensions", header: #"{"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,2],"data_offsets":[0,8]}}"#),
    ])
  func hostile(_ hostile: Hostile) throws {
    try withTemporaryFolder { folder in
      let path = folder + "/hostile.safetensors"
      var bytes = Data()
      withUnsafeBytes(of: (hostile.length ?? UInt64(hostile.header.utf8.count)).littleEndian) { bytes.append(contentsOf: $0) }
      bytes.append(contentsOf: Array(hostile.header.utf8))
      bytes.append(Data(count: hostile.data))
      try bytes.write(to: URL(fileURLWithPath: path))
      let error = #expect(throws: TorchError.self) { try SafetensorsFile(path) }
      #expect(error?.code.hasPrefix("safetensors.") == true && error?.message.contains(path) == true)
    }
  }

  @Test("files too short to be one, folders and missing files are refused")
  func notFiles() throws {
    try withTemporaryFolder { folder in
      try Data([1, 2, 3]).write(to: URL(fileURLWithPath: folder + "/short"))
      #expect(throws: TorchError.self) { try SafetensorsFile(folder + "/short") }
      #expect(throws: (any Error).self) { try SafetensorsFile(folder) }
      #expect(throws: (any Error).self) { try SafetensorsFile(folder + "/missing") }
    }
  }

  @Test("a folder of several files is read through its index, which cannot lead out of it")
  func folder() throws {
    try withTemporaryFolder { folder in
      try SafetensorsWriter.write([("a", Tensor.ones([2]))], to: folder + "/1.safetensors")
      try SafetensorsWriter.write([("b", Tensor.zeros([3]))], to: folder + "/2.safetensors")
      func index(_ b: String) throws {
        try Data(#"{"weight_map":{"a":"1.safetensors","b":"\#(b)"}}"#.utf8)
          .write(to: URL(fileURLWithPath: folder + "/model.safetensors.index.json"))
      }
      try index("2.safetensors")
      let weights = try SafetensorsFolder(folder)
      #expect(weights.names == ["a", "b"])
      #expect(try weights.tensor("b", shape: [3]).floats() == [0, 0, 0])
      #expect(throws: TorchError.self) { try weights.tensor("c") }
      for outside in ["../2.safetensors", "1.safetensors", "2.bin", "a/2.safetensors"] {
        try index(outside)
        #expect(throws: TorchError.self, "\(outside)") { try SafetensorsFolder(folder) }
      }
    }
  }
}
