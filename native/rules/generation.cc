#include "rules/generation.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <cerrno>

namespace shaper {
namespace {

constexpr uint32_t kSequence = 1;
constexpr size_t kAnswerBytes = 1024;

int64_t ask(mnl_socket* socket) {
  alignas(nlmsghdr) char buffer[kAnswerBytes];
  nlmsghdr* const question = mnl_nlmsg_put_header(buffer);
  question->nlmsg_type = (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETGEN;
  question->nlmsg_flags = NLM_F_REQUEST;
  question->nlmsg_seq = kSequence;
  auto* const header = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(question, sizeof(nfgenmsg)));
  header->nfgen_family = AF_UNSPEC;
  header->version = NFNETLINK_V0;
  if (mnl_socket_sendto(socket, question, question->nlmsg_len) < 0) return -errno;
  // The kernel answers before the send returns.
  const ssize_t bytes = mnl_socket_recvfrom(socket, buffer, sizeof buffer);
  if (bytes < 0) return -errno;
  const auto* const answer = reinterpret_cast<const nlmsghdr*>(buffer);
  if (!mnl_nlmsg_ok(answer, static_cast<int>(bytes)) || answer->nlmsg_type != ((NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_NEWGEN))
    return -EPROTO;
  for (const auto* attribute = static_cast<const nlattr*>(mnl_nlmsg_get_payload_offset(answer, sizeof(nfgenmsg)));
       mnl_attr_ok(attribute, static_cast<int>(static_cast<const char*>(mnl_nlmsg_get_payload_tail(answer)) -
                                               reinterpret_cast<const char*>(attribute)));
       attribute = mnl_attr_next(attribute)) {
    if (mnl_attr_get_type(attribute) == NFTA_GEN_ID && mnl_attr_validate(attribute, MNL_TYPE_U32) == 0)
      return ntohl(mnl_attr_get_u32(attribute));
  }
  return -EPROTO;
}

}  // namespace

int64_t rulesGeneration() {
  mnl_socket* const socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (socket == nullptr) return -errno;
  const int64_t found = mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ? -errno : ask(socket);
  mnl_socket_close(socket);
  return found;
}

}  // namespace shaper
