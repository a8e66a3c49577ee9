// Calls of the gRPC API as bytes, for clients that do what gRPC's own would not.

#ifndef PLEGD_API_TESTING_RAW_CALL_H_
#define PLEGD_API_TESTING_RAW_CALL_H_

#include <cstdint>
#include <string>

#include "plegd/v1/service.pb.h"

namespace api {

// An HTTP/2 frame.
inline std::string Frame(char type, char flags, uint32_t stream, const std::string& payload) {
  std::string frame;
  for (const int shift : {16, 8, 0}) frame += static_cast<char>(payload.size() >> shift);
  frame += type;
  frame += flags;
  for (const int shift : {24, 16, 8, 0}) frame += static_cast<char>(stream >> shift);
  return frame + payload;
}

// A call as gRPC sends it, byte by byte, so that nothing reads the answer. Windows are as large as
// they can be: only the socket's buffer is in the way of the server. Its message is left out unless
// it `asks`.
inline std::string RawCall(const std::string& path, const plegd::v1::GetPodRequest& request,
                           bool asks = true) {
  std::string headers;
  auto add = [&headers](const std::string& name, const std::string& value) {
    headers += '\0';
    headers += static_cast<char>(name.size());
    headers += name;
    headers += static_cast<char>(value.size());
    headers += value;
  };
  add(":method", "POST");
  add(":scheme", "http");
  add(":path", path);
  add(":authority", "localhost");
  add("content-type", "application/grpc");
  add("te", "trailers");
  const std::string bytes = request.SerializeAsString();
  std::string message(5, '\0');
  message[4] = static_cast<char>(bytes.size());
  const std::string window = {0, 4, 0x7F, '\xFF', '\xFF', '\xFF'};  // INITIAL_WINDOW_SIZE
  const std::string update = {0x7F, '\xFF', 0, 0};
  return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + Frame(4, 0, 0, window) + Frame(8, 0, 0, update) +
         Frame(1, 4, 1, headers) + (asks ? Frame(0, 1, 1, message + bytes) : "");
}

}  // namespace api

#endif  // PLEGD_API_TESTING_RAW_CALL_H_
