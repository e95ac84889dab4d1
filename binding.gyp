{
  "targets": [
    {
      "target_name": "shaper",
      "sources": ["<!@(sed 's|^|native/|' native/sources.txt)"],
      "include_dirs": ["native", "<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": ["NAPI_VERSION=8", "NODE_ADDON_API_DISABLE_DEPRECATED", "NAPI_DISABLE_CPP_EXCEPTIONS"],
      "cflags_cc": ["-std=c++17", "-Wall", "-Wextra", "-Werror", "-fvisibility=hidden"],
      "cflags": ["<!@(pkg-config --cflags libnetfilter_queue libmnl)"],
      "libraries": ["<!@(pkg-config --libs libnetfilter_queue libmnl)"]
    },
    {
      "target_name": "shaper-watchdog",
      "type": "executable",
      "sources": ["native/watchdog/watchdog.cc"],
      "cflags_cc": ["-std=c++17", "-Wall", "-Wextra", "-Werror"],
      "ldflags": ["-Wl,--as-needed"]
    }
  ]
}
