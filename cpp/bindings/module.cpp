// Conversions between Python and the BPE core; nothing else.
#include <nanobind/nanobind.h>

namespace nb = nanobind;

NB_MODULE(_core, module) {
    module.doc() = "BPE core";
}
