#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Sourced by scripts beside it, in an empty folder: two nodes of Slurm, n1 and n2, that are one machine, up to the end of the script.
#
# Needs Debian's slurm-wlm and munge, installed, or unpacked by dpkg -x into $SLURM_ROOT; as root.
run=$PWD top=${SLURM_ROOT-} host=$(hostname -s)
libraries=$top/usr/lib/$(uname -m)-linux-gnu
PATH=$top/usr/sbin:$top/usr/bin:$PATH
LD_LIBRARY_PATH=$libraries:$libraries/slurm-wlm${LD_LIBRARY_PATH+:$LD_LIBRARY_PATH}
SLURM_CONF=$run/slurm.conf
export PATH LD_LIBRARY_PATH SLURM_CONF

mkdir state munge
cat >slurm.conf <<END
ClusterName=t
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=16817
AuthType=auth/munge
AuthInfo=socket=$run/munge/sock
CredType=cred/munge
SlurmUser=root
PluginDir=$libraries/slurm-wlm
StateSaveLocation=$run/state
SlurmctldPidFile=$run/controller.pid
SlurmctldLogFile=$run/controller.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/builtin
ReturnToService=2
MpiDefault=none
SlurmdSpoolDir=$run/spool.%n
TmpFS=$run/tmp.%n
SlurmdPidFile=$run/%n.pid
SlurmdLogFile=$run/%n.log
NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=16821 CPUs=1 RealMemory=1000
NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=16822 CPUs=1 RealMemory=1000
PartitionName=p Nodes=ALL Default=YES MaxTime=INFINITE State=UP
SlurmdParameters=config_overrides
END
mungekey -c -k "$run/key"
munged --key-file="$run/key" --socket="$run/munge/sock" --pid-file="$run/munge.pid" --log-file="$run/munge.log" \
    --seed-file="$run/munge.seed" --force
stop() {
    for pid in n1.pid n2.pid controller.pid munge.pid; do
        [ ! -s "$run/$pid" ] || kill "$(cat "$run/$pid")" || true
    done
}
trap stop EXIT
mkdir -p spool.n1 spool.n2 tmp.n1 tmp.n2
program() { command -v "$1" || command -v "$1-wlm"; } # as packages have them, unpacked
$(program slurmctld) -f "$run/slurm.conf"
for node in n1 n2; do
    $(program slurmd) -f "$run/slurm.conf" -N $node -d "$(program slurmstepd)"
done
