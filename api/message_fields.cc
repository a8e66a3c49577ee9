#include "api/message_fields.h"

#include <cstdio>
#include <cstdlib>

namespace api {

const FieldDescriptor* FieldList::Find(const char* name) const {
  const FieldDescriptor* const field = message_->FindFieldByName(name);
  if (field == nullptr) {
    std::fprintf(stderr, "%s has no field %s\n", message_->full_name().c_str(), name);
    std::abort();
  }
  return field;
}

}  // namespace api
