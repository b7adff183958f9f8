"""Where conversions run: in processes of their own, so that a codec which crashes, hangs or takes too much memory ends
its own conversion and nothing else.

``pool`` has the processes and the queue before them, ``slot`` starts, judges and replaces one process, ``inside`` is
what runs in that process, ``gate`` counts conversions over all processes of the host. Its rules:

- Only what a conversion did itself calls its picture damaged: its CPU time, its memory, its crash. One that had too
  little of the machine ends in Busy.
- One conversion changes nothing for the next: a process that failed, or that holds more memory than it should, is
  replaced, and a failure in a process that was not new is tried once more in a new one.
"""
