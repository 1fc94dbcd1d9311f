import Testing

/// Real launches of the built binary.
///
/// One after the other: each starts whole process trees.
@Suite("End to end", .serialized)
struct EndToEnd {}
