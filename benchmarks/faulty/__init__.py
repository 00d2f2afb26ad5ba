"""Hand-written backward passes into which mistakes are planted, and what each is to be called.

Nothing here uses a derivative of the package: forward and backward passes are literal NumPy.

* ``setting``: what a network is drawn from; ``network``: the network; ``passes``: its passes
* ``catalogue``: what a mistake is; ``whole``, ``deltas``, ``slopes``, ``local``: the mistakes;
  ``faults``: all of them in one network; ``pairs``: two at once
* ``others``: networks that are no plain layers (``recurrent``, ``structures``), each a ``problem``
* ``split``: which settings are for development and which were kept apart
* ``corruptions``: damage that is no mistake of the catalogue
* ``disturbance``: numerical derivatives with noise
* ``run``: asking the package; ``score``: whether what it says is right
"""
