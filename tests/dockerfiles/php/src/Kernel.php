src/Kernel.php
