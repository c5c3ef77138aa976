#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# arm64.sh FOLDER [CTEST ARGUMENT...]: builds Diptych for arm64 with Debian 12's cross compiler and runs the tests in qemu-user. Wants
# root and debootstrap, takes an hour on two cores, and is no part of .ci/run. FOLDER/root is a Debian of its own, made where it is
# not there, so that packages of two architectures touch nothing of this machine; FOLDER/log is what ctest said.
#
# qemu-user runs one program, and what that starts the kernel would have to hand to qemu again. So that no handler need be
# registered with the kernel, every program that was built is put behind a script of its name.
set -eu
folder=$1
shift
cd "$(dirname "$0")/.."
mkdir -p "$folder"
folder=$(realpath "$folder") root=$(realpath "$folder")/root
in_root() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"; }

# Those of .ci/packages.txt that are programs for the build, or data; all else is of arm64.
host='cmake gcc g++ ninja-build pkg-config opencl-headers wordnet-base mecab-ipadic-utf8 fonts-dejavu-core locales'
if [ ! -e "$root/ready" ]; then
    debootstrap --variant=minbase bookworm "$root"
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" # no daemon is started
    chmod +x "$root/usr/sbin/policy-rc.d"
    in_root dpkg --add-architecture arm64
    in_root apt-get update -q
    in_root apt-get install -q -y --no-install-recommends crossbuild-essential-arm64 qemu-user-static $host
    packages=$(grep -v '^#' .ci/packages.txt | grep -vxF "$(printf '%s\n' $host pocl-opencl-icd)" | sed 's/$/:arm64/')
    in_root apt-get install -q -y --no-install-recommends $packages libpocl2-common libclang-common-15-dev:arm64 \
        libclang-cpp15:arm64 libllvm15:arm64 libhwloc15:arm64
    # PoCL wants arm64's own binutils, which would take the place of the cross compiler's; but it is content with those.
    in_root sh -c 'cd /var/cache/apt && apt-get download -q pocl-opencl-icd:arm64 libpocl2:arm64 &&
        for package in *pocl*_arm64.deb; do dpkg-deb -x "$package" /; done && ldconfig'
    touch "$root/ready"
fi
mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"
mountpoint -q "$root/sys" || mount -t sysfs -o ro sysfs "$root/sys" # PoCL asks for the memory there
trap 'umount "$root/proc" "$root/sys"' EXIT
trap 'exit 1' HUP INT TERM

mkdir -p "$root/diptych"
find "$root/diptych" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} + # what is no more
git ls-files -z -c -o --exclude-standard | tar -c --null -T - | tar -x -C "$root/diptych"
cat >"$root/arm64.cmake" <<CMAKE
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(ENV{PKG_CONFIG_LIBDIR} /usr/lib/aarch64-linux-gnu/pkgconfig:/usr/share/pkgconfig)
CMAKE
# -O2, as Debian builds packages: at -O3 GCC 12 for arm64 ends with an internal error in loops of fmax, as tests have them.
in_root cmake -S /diptych -B /diptych/build -G Ninja -DCMAKE_TOOLCHAIN_FILE=/arm64.cmake -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_C_FLAGS_RELEASE="-O2 -DNDEBUG" -DCXX_COMPILER=/usr/bin/aarch64-linux-gnu-g++
in_root cmake --build /diptych/build

in_root sh -c '
    find /diptych/build -type f -perm /1 ! -name "*.elf" ! -path "*/CMakeFiles/*" | while read -r program; do
        [ "$(od -A n -t x1 -N 4 "$program" | tr -d " ")" = 7f454c46 ] || continue # an ELF file,
        case $program in *.so*) continue ;; esac                                 # and no library
        mv "$program" "$program.elf"
        printf "#!/bin/sh\nexec qemu-aarch64-static -0 \"\$0\" %s.elf \"\$@\"\n" "$program" >"$program"
        chmod +x "$program"
    done'
in_root sh -c 'cd /diptych/build && ctest --timeout 1500 --output-on-failure "$@"' sh "$@" >"$folder/log" 2>&1 || true
sed -n '/tests passed/,$p' "$folder/log"
