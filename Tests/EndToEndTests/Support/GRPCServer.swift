import Foundation

/// A server of gRPC, Python's `grpcio`, over TLS.
enum GRPCServer {
    static let available = FileManager.default.fileExists(atPath: "/usr/lib/python3/dist-packages/grpc")

    private static let shared = Result { try PythonServer("grpc-server", program) }

    static func started() throws -> PythonServer { try shared.get() }

    /// `pkg.Service` with methods of octets: no message definitions are needed.
    private static let program = #"""
        import concurrent.futures, grpc, os, time

        def metadata(call):
            return {key: value for key, value in call.invocation_metadata()}

        def echo(request, call):
            fields = metadata(call)
            log.write("echo %s\n" % request[:100].decode("latin-1"))
            call.send_initial_metadata((("initial", "first"),))
            call.set_trailing_metadata((("auth", fields.get("authorization", "-")), ("data-bin", b"\0\xff")))
            return b"echo " + request[:100] + b" %d" % len(request)

        def fail(request, call):
            call.abort(grpc.StatusCode.NOT_FOUND, "nothing é here: 100%")

        def large(request, call):
            return b"x" * int(request)

        def count(requests, call):
            return b"%d" % sum(len(request) for request in requests)

        def many(request, call):
            for number in range(int(request)): yield b"%d" % number

        def both(requests, call):
            for request in requests: yield b"re " + request

        def endless(request, call):
            call.add_callback(lambda: log.write("over %s\n" % request.decode()))
            yield b"begun"
            log.write("begun %s\n" % request.decode())
            while call.is_active(): time.sleep(0.01)

        def secret(request, call):
            yield metadata(call).get("authorization", "-").encode()

        def coded(request, call):
            call.set_compression(grpc.Compression.Gzip)
            yield (metadata(call).get("authorization", "-") + " ").encode() * 20
            yield os.urandom(int(request) // 2).hex().encode()

        handlers = {
            "Echo": grpc.unary_unary_rpc_method_handler(echo), "Fail": grpc.unary_unary_rpc_method_handler(fail),
            "Large": grpc.unary_unary_rpc_method_handler(large), "Count": grpc.stream_unary_rpc_method_handler(count),
            "Many": grpc.unary_stream_rpc_method_handler(many), "Both": grpc.stream_stream_rpc_method_handler(both),
            "Endless": grpc.unary_stream_rpc_method_handler(endless),
            "Secret": grpc.unary_stream_rpc_method_handler(secret),
            "Coded": grpc.unary_stream_rpc_method_handler(coded), "Delete": grpc.unary_unary_rpc_method_handler(echo),
        }
        options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        server = grpc.server(concurrent.futures.ThreadPoolExecutor(32), options=options)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("pkg.Service", handlers),))
        pair = (open(folder + "/server.key", "rb").read(), open(folder + "/server.pem", "rb").read())
        server.add_secure_port("127.0.0.1:%d" % ports[0], grpc.ssl_server_credentials([pair]))
        server.start()
        server.wait_for_termination()
        """#
}
