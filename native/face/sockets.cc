#include "face/sockets.h"

#include <memory>

#include "face/arguments.h"
#include "face/error.h"
#include "face/shared_memory.h"
#include "sockets/diag_socket.h"
#include "sockets/process_files.h"

namespace shaper {
namespace {

class NativeSockets : public Napi::ObjectWrap<NativeSockets> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit NativeSockets(const Napi::CallbackInfo& info);

 private:
  Napi::Value ask(const Napi::CallbackInfo& info);
  Napi::Value startList(const Napi::CallbackInfo& info);
  Napi::Value readList(const Napi::CallbackInfo& info);
  Napi::Value openProcess(const Napi::CallbackInfo& info);
  void closeProcess(const Napi::CallbackInfo& info);
  Napi::Value inodeAt(const Napi::CallbackInfo& info);
  Napi::Value openCount(const Napi::CallbackInfo& info);
  Napi::Value scan(const Napi::CallbackInfo& info);
  Napi::Value scanRows(const Napi::CallbackInfo& info);
  Napi::Value scanLooked(const Napi::CallbackInfo& info);
  Napi::Value readProcess(const Napi::CallbackInfo& info);
  Napi::Value newestPid(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);

  // False leaves a JavaScript exception pending.
  bool isUsable(Napi::Env env) const;

  SharedMemory columns_;
  std::unique_ptr<DiagSocket> socket_;
  std::unique_ptr<ProcessFiles> files_;
};

Napi::Function NativeSockets::define(Napi::Env env) {
  return DefineClass(env, "NativeSockets",
                     {InstanceMethod<&NativeSockets::ask>("ask"),
                      InstanceMethod<&NativeSockets::startList>("startList"),
                      InstanceMethod<&NativeSockets::readList>("readList"),
                      InstanceMethod<&NativeSockets::openProcess>("openProcess"),
                      InstanceMethod<&NativeSockets::closeProcess>("closeProcess"),
                      InstanceMethod<&NativeSockets::inodeAt>("inodeAt"),
                      InstanceMethod<&NativeSockets::openCount>("openCount"),
                      InstanceMethod<&NativeSockets::scan>("scan"),
                      InstanceMethod<&NativeSockets::scanRows>("scanRows"),
                      InstanceMethod<&NativeSockets::scanLooked>("scanLooked"),
                      InstanceMethod<&NativeSockets::readProcess>("readProcess"),
                      InstanceMethod<&NativeSockets::newestPid>("newestPid"),
                      InstanceMethod<&NativeSockets::close>("close")});
}

// Takes the memory of the columns.
NativeSockets::NativeSockets(const Napi::CallbackInfo& info) : Napi::ObjectWrap<NativeSockets>(info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsArrayBuffer() || info[0].As<Napi::ArrayBuffer>().ByteLength() != sizeof(SocketColumns)) {
    Napi::RangeError::New(env, "columns must be an ArrayBuffer of " + std::to_string(sizeof(SocketColumns)) +
                                   " bytes: if addon and program differ, rebuild both")
        .ThrowAsJavaScriptException();
    return;
  }
  columns_ = {"columns", info[0].As<Napi::ArrayBuffer>().Data(), sizeof(SocketColumns),
              Napi::Persistent(info[0].As<Napi::Object>())};
  auto socket = std::make_unique<DiagSocket>(static_cast<SocketColumns*>(columns_.data));
  const int number = socket->open();
  if (number != 0) {
    toError(env, {number, "socket NETLINK_SOCK_DIAG", -1}).ThrowAsJavaScriptException();
    return;
  }
  socket_ = std::move(socket);
  files_ = std::make_unique<ProcessFiles>(static_cast<SocketColumns*>(columns_.data));
}

bool NativeSockets::isUsable(Napi::Env env) const {
  if (socket_ && columns_.isIntact(env)) return true;
  Napi::TypeError::New(env, socket_ ? "columns was transferred or resized" : "sockets are closed")
      .ThrowAsJavaScriptException();
  return false;
}

// Returns 0 or errno.
Napi::Value NativeSockets::ask(const Napi::CallbackInfo& info) {
  if (!isUsable(info.Env())) return info.Env().Undefined();
  return Napi::Number::New(info.Env(), socket_->ask());
}

// Takes the family, 4 or 6, and the protocol. Returns 0 or errno.
Napi::Value NativeSockets::startList(const Napi::CallbackInfo& info) {
  uint32_t family = 0;
  uint32_t protocol = 0;
  if (!isUsable(info.Env()) || !readNumber(info, 0, "family", 4, 6, &family) ||
      !readNumber(info, 1, "protocol", 0, 255, &protocol)) {
    return info.Env().Undefined();
  }
  return Napi::Number::New(info.Env(), socket_->startList(family, protocol));
}

Napi::Value NativeSockets::readList(const Napi::CallbackInfo& info) {
  if (!isUsable(info.Env())) return info.Env().Undefined();
  return Napi::Number::New(info.Env(), socket_->readList());
}

Napi::Value NativeSockets::openProcess(const Napi::CallbackInfo& info) {
  uint32_t pid = 0;
  if (!isUsable(info.Env()) || !readNumber(info, 0, "pid", 1, INT32_MAX, &pid)) return info.Env().Undefined();
  return Napi::Number::New(info.Env(), files_->open(pid));
}

bool readHandle(const Napi::CallbackInfo& info, uint32_t* handle) {
  return readNumber(info, 0, "handle", 0, ProcessFiles::kHandles - 1, handle);
}

void NativeSockets::closeProcess(const Napi::CallbackInfo& info) {
  uint32_t handle = 0;
  if (files_ && readHandle(info, &handle)) files_->close(handle);
}

Napi::Value NativeSockets::inodeAt(const Napi::CallbackInfo& info) {
  uint32_t handle = 0;
  uint32_t descriptor = 0;
  if (!isUsable(info.Env()) || !readHandle(info, &handle) ||
      !readNumber(info, 1, "descriptor", 0, INT32_MAX, &descriptor)) {
    return info.Env().Undefined();
  }
  return Napi::Number::New(info.Env(), files_->inodeAt(handle, descriptor));
}

Napi::Value NativeSockets::openCount(const Napi::CallbackInfo& info) {
  uint32_t handle = 0;
  if (!isUsable(info.Env()) || !readHandle(info, &handle)) return info.Env().Undefined();
  return Napi::Number::New(info.Env(), files_->openCount(handle));
}

// Takes the handle, whether it begins anew, the inode that ends it and how many descriptors it looks at.
Napi::Value NativeSockets::scan(const Napi::CallbackInfo& info) {
  uint32_t handle = 0;
  uint32_t inode = 0;
  uint32_t descriptorsMax = 0;
  if (!isUsable(info.Env()) || !readHandle(info, &handle) || !readNumber(info, 2, "inode", 0, UINT32_MAX, &inode) ||
      !readNumber(info, 3, "descriptorsMax", 1, UINT32_MAX, &descriptorsMax)) {
    return info.Env().Undefined();
  }
  return Napi::Number::New(info.Env(), files_->scan(handle, info[1].ToBoolean(), inode, descriptorsMax));
}

Napi::Value NativeSockets::scanRows(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), files_ ? files_->rows() : 0);
}

Napi::Value NativeSockets::scanLooked(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), files_ ? files_->looked() : 0);
}

// Returns whether there is such a process, and fills its fields.
Napi::Value NativeSockets::readProcess(const Napi::CallbackInfo& info) {
  uint32_t pid = 0;
  if (!isUsable(info.Env()) || !readNumber(info, 0, "pid", 1, INT32_MAX, &pid)) return info.Env().Undefined();
  auto* const columns = static_cast<SocketColumns*>(columns_.data);
  return Napi::Boolean::New(info.Env(), shaper::readProcess(pid, &columns->process));
}

Napi::Value NativeSockets::newestPid(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), files_ ? files_->newestPid() : 0);
}

void NativeSockets::close(const Napi::CallbackInfo&) {
  socket_.reset();
  files_.reset();
}

}  // namespace

Napi::Function defineNativeSockets(Napi::Env env) { return NativeSockets::define(env); }

}  // namespace shaper
