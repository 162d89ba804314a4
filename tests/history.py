"""What each rule is said to do in each scenario: deduced from commits and mails, run on no kernel.

EXPECTED[scenario][policy] is the outcome that the published record (commits, mails, selftests) lets
one expect, where scenario is the stem of a file in cowlab/atlas and policy the name of a row. What
real kernels were seen to do is data of another kind; where the two disagree, the recording is right.

    OK      what the scenario is about holds
    LEAK    somebody reads what another process stored after the fork
    INC     a reference and its owner's page part although they ought to stay together
    DMA     the child sees what a device wrote after the fork
    CHG     a page that its owner may only read changes under the reader: a device writes it
    ISO     the same page does not change: the mapping was parted from the device
    REF     the call or the attempt is refused, or leaves this page alone; nothing parts
    hit     the last store does not fault at all
    reuse   the last store keeps its frame
    copy    the last store gets a copy; in a scenario without a store after its fork, the fork copies
    share   the fork copies nothing
    ""      the record is silent

A code speaks of the one thing that its scenario is about. A run may show more: where a pin and its
owner part after a fork (INC), the child often sees the device as well. And a code says nothing of
promises: a reference that was never promised coherence can be left behind (INC) by a rule that keeps
every promise.
"""

_POLICIES = (
    *("v5.7", "v5.8", "v5.9-rc4", "v5.9", "v5.11", "v5.18", "v5.19", "v6.5"),
    *("andrea-2009", "andrea-2021", "linus-2021"),
    *("jerome-mprotect", "jerome-fork", "jerome-fork-push", "jerome-fork-reuse"),
)

# One line a scenario, one column a policy in that order; "-" is silence.
_TABLE = """\
                             v5.7   v5.8   v5.9-rc4  v5.9   v5.11  v5.18  v5.19  v6.5   a09    a21    l21    jm     jf     jfp   jfr
cow-basic                    OK     OK     OK        OK     OK     OK     OK     OK     OK     OK     OK     OK     OK     -     -
cow-mprotect                 OK     OK     OK        OK     OK     OK     OK     OK     OK     OK     OK     OK     OK     -     -
reuse-after-exit             reuse  reuse  reuse     reuse  reuse  reuse  reuse  reuse  reuse  reuse  reuse  reuse  reuse  -     -
reuse-in-child               -      -      -         -      -      -      -      -      -      -      -      -      copy   copy  copy
leak                         LEAK   OK     OK        OK     OK     OK     OK     OK     OK     OK     OK     OK     OK     LEAK  LEAK
leak-mprotect                LEAK   OK     OK        OK     OK     OK     OK     OK     OK     OK     OK     OK     OK     -     -
leak-reverse                 LEAK   LEAK   OK        OK     OK     OK     OK     OK     OK     LEAK   OK     OK     OK     -     -
pin-fork-write               INC    INC    INC       OK     OK     OK     OK     OK     OK     OK     OK     OK     INC    OK    OK
pin-fork-exit-write          OK     OK     INC       OK     OK     OK     OK     OK     OK     OK     OK     OK     INC    -     -
pin-fork-dma                 DMA    DMA    DMA       OK     OK     OK     OK     OK     OK     OK     OK     OK     DMA    DMA   DMA
pin-fork-child-reads         -      -      -         -      -      -      -      -      -      -      -      -      OK     OK    LEAK
direct-io-fork               INC    INC    INC       INC    INC    INC    INC    OK     OK     INC    OK     OK     INC    -     -
andrea-clear-refs            OK     OK     INC       INC    INC    INC    OK     OK     OK     OK     OK     OK     OK     -     -
andrea-clear-refs-pin        OK     OK     INC       INC    OK     OK     OK     OK     OK     OK     OK     OK     OK     -     -
fixed-buffer-swap            OK     OK     INC       INC    OK     OK     OK     OK     OK     OK     OK     OK     OK     -     -
pin-mprotect                 OK     OK     INC       INC    INC    INC    OK     OK     OK     OK     REF    INC    INC    -     -
direct-io-mprotect           OK     OK     INC       INC    INC    INC    OK     OK     OK     OK     REF    INC    INC    -     -
pin-mprotect-dma             CHG    CHG    CHG       CHG    CHG    CHG    CHG    CHG    CHG    CHG    REF    ISO    ISO    -     -
mprotect-refused             -      -      -         -      -      -      -      -      -      -      REF    OK     OK     -     -
pin-read-shared              INC    OK     INC       INC    INC    INC    OK     OK     OK     OK     INC    INC    INC    -     -
pin-read-previously-shared   OK     OK     INC       INC    INC    INC    OK     OK     OK     OK     INC    INC    INC    -     -
pin-read-exclusive           OK     OK     INC       INC    INC    INC    OK     OK     OK     OK     INC    INC    INC    -     -
pin-read-zero-page           INC    OK     INC       INC    INC    INC    INC    OK     INC    OK     INC    INC    INC    -     -
pin-read-file                -      -      -         -      -      -      -      -      INC    -      -      -      -      -     -
file-private-write           OK     OK     OK        OK     OK     OK     OK     OK     OK     OK     OK     OK     OK     -     -
transient-reference          reuse  reuse  copy      copy   copy   copy   copy   copy   reuse  reuse  copy   copy   copy   -     -
transient-reference-no-fork  hit    hit    hit       hit    hit    hit    hit    hit    hit    hit    hit    hit    hit    -     -
lru-batch-fresh              reuse  reuse  copy      copy   copy   reuse  reuse  reuse  reuse  reuse  REF    REF    REF    -     -
pin-exclusive-writes         OK     OK     OK        OK     OK     OK     OK     OK     OK     OK     OK     OK     OK     -     -
transient-reference-fork     share  share  share     share  share  share  share  share  share  share  copy   copy   share  -     -
get-read-fork                -      -      -         -      -      -      -      -      copy   -      -      -      -      -     -
pin-false-positive           share  share  share     copy   copy   copy   copy   copy   copy   copy   copy   copy   share  -     -
leak-thp                     LEAK   OK     LEAK      LEAK   LEAK   OK     OK     OK     -      OK     -      -      -      -     -
leak-hugetlb                 LEAK   OK     LEAK      LEAK   LEAK   LEAK   LEAK   LEAK   -      -      -      -      -      -     -
ksm-write                    copy   copy   copy      copy   copy   copy   copy   copy   copy   copy   copy   copy   copy   copy  copy
ksm-pinned                   REF    REF    REF       REF    REF    REF    REF    REF    REF    REF    REF    REF    REF    REF   REF
pin-remap                    OK     OK     OK        OK     OK     OK     OK     OK     OK     OK     OK     OK     OK     OK    OK
dontfork-pin                 OK     OK     OK        OK     OK     OK     OK     OK     OK     OK     OK     OK     OK     OK    OK
"""

EXPECTED: dict[str, dict[str, str]] = {
    scenario: dict(zip(_POLICIES, ("" if code == "-" else code for code in codes), strict=True))
    for scenario, *codes in map(str.split, _TABLE.splitlines()[1:])
}
