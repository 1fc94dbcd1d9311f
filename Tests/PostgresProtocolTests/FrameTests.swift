import PostgresProtocol
import Testing

struct FrameTests {
}
