package import Rollout

/// The order in which a delta holds the bytes of a model: tensor by tensor, of each tensor all lowest bytes of its
/// elements first, then all second ones, and so on.
///
/// A training step changes the sign and exponent of few elements and the lowest bits of many, so bytes of one
/// significance are alike and compress together.
package struct BytePlanes: Sendable, Hashable {
  /// Bytes at the same distance from one another.
  struct Plane: Sendable, Hashable {
    let first: Int
    let stride: Int
    let count: Int
  }

  let planes: [Plane]
  package let byteCount: Int

  package init(_ manifest: WeightManifest) {
    var planes: [Plane] = []
    var offset = 0
    for entry in manifest.entries where entry.byteCount > 0 {
      let width = Self.width(of: entry)
      for byte in 0..<width {
        planes.append(Plane(first: offset + byte, stride: width, count: entry.byteCount / width))
      }
      offset += entry.byteCount
    }
    self.planes = planes
    byteCount = offset
  }

  /// Bytes of an element; 1 if the tensor does not consist of whole elements of a known type.
  private static func width(of entry: WeightManifest.Entry) -> Int {
    let width =
      switch entry.dtype {
      case "F16", "BF16", "U16", "I16": 2
      case "F32", "U32", "I32": 4
      case "F64", "U64", "I64": 8
      default: 1
      }
    return entry.byteCount.isMultiple(of: width) ? width : 1
  }

  /// Cuts the planes, one after the other, into blocks of `size` bytes, the last one shorter.
  ///
  /// - Parameter body: called with the pieces of planes that make up each block.
  func forEachBlock<Failure: Error>(
    of size: Int, _ body: (_ pieces: [Plane]) throws(Failure) -> Void
  ) throws(Failure) {
    var pieces: [Plane] = []
    var room = size
    for plane in planes {
      var done = 0
      while done < plane.count {
        let count = min(plane.count - done, room)
        pieces.append(Plane(first: plane.first + done * plane.stride, stride: plane.stride, count: count))
        done += count
        room -= count
        guard room == 0 else { continue }
        try body(pieces)
        pieces.removeAll(keepingCapacity: true)
        room = size
      }
    }
    if !pieces.isEmpty { try body(pieces) }
  }
}
