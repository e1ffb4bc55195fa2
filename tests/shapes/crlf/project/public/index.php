<?php
echo 'kiosk';
